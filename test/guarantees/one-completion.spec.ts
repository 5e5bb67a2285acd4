import { expect, it } from 'vitest';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { AT_ONCE, reached } from '../support/job-states.js';
import { until } from '../support/until.js';

const JOBS = 200;

describeOnEachStore('a job has at most one accepted completion', (given) => {
  it('two engines share two hundred jobs, and each job runs and completes once', async () => {
    const runs = new Map<string, number>();
    const completed: string[] = [];
    const engines = [given().engine({ concurrency: 7 }), given().engine({ concurrency: 5 })];
    for (const engine of engines) {
      engine.register('count', async (_, { id, attempt }) => {
        runs.set(id, (runs.get(id) ?? 0) + 1);
        expect(attempt).toBe(1);
        await Promise.resolve();
      });
      engine.on('jobCompleted', ({ job }) => completed.push(job.id));
      await engine.start();
    }
    const items = Array.from({ length: JOBS }, (_, input) => ({ job: 'count', input }));
    const enqueued = await engines[0]!.enqueueMany(items);
    await until('all are through', () => completed.length >= JOBS);
    const ids = enqueued.map(({ id }) => id).sort();
    expect([...completed].sort()).toEqual(ids);
    expect([...runs.keys()].sort()).toEqual(ids);
    expect([...runs.values()].every((count) => count === 1)).toBe(true);
    expect((await engines[0]!.jobs.counts()).completed).toBe(JOBS);
  });

  it('jobs that fail in between complete once all the same, and their claims are counted', async () => {
    const completed: string[] = [];
    const engines = [given().engine({ backoff: AT_ONCE }), given().engine({ backoff: AT_ONCE })];
    for (const engine of engines) {
      engine.register('flaky', (_, { retryCount }) => {
        if (retryCount < 2) throw new Error('not yet');
      });
      engine.on('jobCompleted', ({ job }) => completed.push(job.id));
      await engine.start();
    }
    const items = Array.from({ length: 40 }, () => ({ job: 'flaky' }));
    const enqueued = await engines[0]!.enqueueMany(items);
    await until('all are through', () => completed.length >= 40);
    expect([...completed].sort()).toEqual(enqueued.map(({ id }) => id).sort());
    for (const { id } of enqueued) {
      expect(await engines[0]!.jobs.get(id)).toMatchObject({ state: 'completed', attempt: 3, retryCount: 2 });
    }
  });

  it('a completion that is written twice is told once', async () => {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({ store: faulty.store });
    faulty.answer('settleJobs', async (proceed) => {
      await proceed();
      return proceed();
    });
    const told: string[] = [];
    engine.on('jobCompleted', ({ job }) => told.push(job.id));
    engine.on('jobLost', ({ jobId }) => told.push(`lost ${jobId}`));
    engine.register('greet', () => 'done');
    await engine.start();
    const { id } = await engine.enqueue('greet');
    await reached(engine, id, 'completed');
    await until('the end was told', () => told.length > 0);
    expect(told).toHaveLength(1);
    expect((await engine.jobs.get(id))?.attempt).toBe(1);
  });
});
