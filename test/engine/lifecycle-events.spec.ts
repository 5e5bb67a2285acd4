import { expect, it } from 'vitest';
import type { Engine } from '../../lib/engine/engine.js';
import type { LifecycleEventName, LifecycleEvents } from '../../lib/ext/lifecycle.js';
import { CancelJob } from '../../lib/job/control-outcomes.js';
import { Failpoints } from '../../lib/testing/failpoints/failpoints.js';
import { withFailpoints } from '../../lib/testing/failpoints/with-failpoints.js';
import { deferred } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { AT_ONCE, reached } from '../support/job-states.js';
import { until } from '../support/until.js';

const OF_JOBS: readonly LifecycleEventName[] = [
  'jobEnqueued',
  'jobStarted',
  'jobCompleted',
  'jobRetrying',
  'jobFailed',
  'jobDlq',
  'jobCancelled',
  'jobRescued',
  'jobLost',
];

/** What an engine told of each job, in order. */
function listen(engine: Engine): Map<string, { readonly name: LifecycleEventName; readonly event: unknown }[]> {
  const told = new Map<string, { name: LifecycleEventName; event: unknown }[]>();
  for (const name of OF_JOBS) {
    engine.on(name, (event) => {
      const id = 'job' in event ? event.job.id : 'jobId' in event ? event.jobId : '';
      told.set(id, [...(told.get(id) ?? []), { name, event }]);
    });
  }
  return told;
}

describeOnEachStore('lifecycle events', (given) => {
  it('tell the life of each job in order', async () => {
    const engine = given().engine({ backoff: AT_ONCE });
    const told = listen(engine);
    const of = (id: string): string[] => (told.get(id) ?? []).map(({ name }) => name);
    engine.register('good', () => 'done');
    engine.register('flaky', (_, { attempt }) => {
      if (attempt < 3) throw new Error('not yet');
    });
    engine.register('bad', () => {
      throw new Error('no');
    });
    engine.register('given up', () => {
      throw new CancelJob();
    });
    await engine.start();
    const jobs = await engine.enqueueMany([
      { job: 'good' },
      { job: 'flaky' },
      { job: 'bad', maxRetries: 1 },
      { job: 'given up' },
    ]);
    const expected = [
      ['jobEnqueued', 'jobStarted', 'jobCompleted'],
      ['jobEnqueued', 'jobStarted', 'jobRetrying', 'jobStarted', 'jobRetrying', 'jobStarted', 'jobCompleted'],
      ['jobEnqueued', 'jobStarted', 'jobRetrying', 'jobStarted', 'jobFailed', 'jobDlq'],
      ['jobEnqueued', 'jobStarted', 'jobCancelled'],
    ];
    for (const [index, { id }] of jobs.entries()) {
      await until(`all was told of ${expected[index]!.at(-1)}`, () => of(id).length >= expected[index]!.length);
      expect(of(id)).toEqual(expected[index]);
    }
  });

  it('tell the end of an attempt before the start of the next, also when the store answers late', async () => {
    const failpoints = new Failpoints();
    const again = deferred();
    const engine = given().engine({ backoff: AT_ONCE, store: withFailpoints(await given().open(), failpoints) });
    const told = listen(engine);
    engine.register('flaky', (_, { attempt }) => {
      if (attempt === 1) throw new Error('not yet');
      again.resolve();
    });
    // The outcome of the first attempt is stored, and the job handed out again, before anybody hears of it.
    failpoints.set('after:settleJobs', () => again.promise);
    await engine.start();
    const { id } = await engine.enqueue('flaky');
    const names = (): string[] => (told.get(id) ?? []).map(({ name }) => name);
    await until('it has completed', () => names().includes('jobCompleted'));
    expect(names()).toEqual(['jobEnqueued', 'jobStarted', 'jobRetrying', 'jobStarted', 'jobCompleted']);
  });

  it('carry the job as it is then, the error and what was thrown', async () => {
    const engine = given().engine({ backoff: AT_ONCE });
    const told = listen(engine);
    const thrown = new RangeError('too far');
    engine.register('bad', () => {
      throw thrown;
    });
    engine.register('good', () => ({ sum: 6 }));
    await engine.start();
    const bad = await engine.enqueue('bad', { a: 1 }, { maxRetries: 1 });
    const good = await engine.enqueue('good');
    await until('all was told', () => told.get(bad.id)?.length === 6 && told.get(good.id)?.length === 3);
    const [, started, retrying, , failed, dlq] = told.get(bad.id)!.map(({ event }) => event);
    expect(started).toMatchObject({
      job: { state: 'running', attempt: 1, payload: { a: 1 }, workerId: expect.any(String) },
    });
    expect(retrying).toMatchObject({
      job: { state: 'retrying', attempt: 1, retryCount: 1 },
      error: { name: 'RangeError', message: 'too far' },
      final: false,
      nextRunAt: expect.any(Date),
    });
    expect((retrying as LifecycleEvents['jobRetrying']).thrown).toBe(thrown);
    expect(failed).toMatchObject({ job: { state: 'failed', attempt: 2, retryCount: 2 }, final: true });
    expect((failed as LifecycleEvents['jobFailed']).thrown).toBe(thrown);
    const [entry] = (await engine.dlq.list()).entries;
    expect(dlq).toMatchObject({ job: { id: bad.id }, dlqId: entry!.id });
    const completed = told.get(good.id)![2]!.event as LifecycleEvents['jobCompleted'];
    expect(completed.job).toMatchObject({ state: 'completed', result: { sum: 6 } });
    expect(completed.elapsedMs).toBeGreaterThanOrEqual(0);
  });

  it('are told after the transition was written', async () => {
    const engine = given().engine({ maxRetries: 0 });
    const states: unknown[] = [];
    engine.on('jobCompleted', async ({ job }) => states.push((await engine.jobs.get(job.id))?.state));
    engine.on('jobFailed', async ({ job }) => states.push((await engine.jobs.get(job.id))?.state));
    engine.register('good', () => 'done');
    engine.register('bad', () => {
      throw new Error('no');
    });
    await engine.start();
    await engine.enqueueMany([{ job: 'good' }, { job: 'bad' }]);
    await until('both were told', () => states.length === 2);
    expect([...states].sort()).toEqual(['completed', 'failed']);
  });

  it('are not told of a job that was there already, nor to a listener that was taken away', async () => {
    const engine = given().engine();
    const told = listen(engine);
    let heard = 0;
    const off = engine.on('jobCompleted', () => void (heard += 1));
    engine.register('good', () => 'done');
    const first = await engine.enqueue('good', null, { uniqueKey: 'one', delay: '1h' });
    await engine.enqueue('good', null, { uniqueKey: 'one' });
    await engine.enqueue('good', null, { uniqueKey: 'one', onConflict: 'replace' });
    await engine.start();
    await reached(engine, first.id, 'completed');
    await until('it was heard', () => heard === 1);
    off();
    const second = await engine.enqueue('good');
    await until('the other was told', () => told.get(second.id)?.length === 3);
    expect(heard).toBe(1);
    expect(told.get(first.id)!.map(({ name }) => name)).toEqual([
      'jobEnqueued',
      'jobEnqueued',
      'jobStarted',
      'jobCompleted',
    ]);
  });
});
