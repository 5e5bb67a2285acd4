import { expect, it } from 'vitest';
import { deferred } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { AT_ONCE, reached } from '../support/job-states.js';
import { until } from '../support/until.js';

describeOnEachStore('what a handler reports', (given) => {
  it('is seen while the job runs', async () => {
    const engine = given().engine();
    const gate = deferred();
    engine.register('long', async (_, job) => {
      job.progress({ done: 1, of: 2 });
      job.log('half-way');
      await gate.promise;
    });
    await engine.start();
    const { id } = await engine.enqueue('long');
    const job = await until('progress is there', async () => {
      const found = await engine.jobs.get(id);
      return found?.progress ? found : null;
    });
    expect(job).toMatchObject({ state: 'running', progress: { done: 1, of: 2 } });
    expect(await engine.jobs.logs(id)).toMatchObject([
      { level: 'info', message: 'half-way', attempt: 1, at: expect.any(Date) },
    ]);
    gate.resolve();
    await reached(engine, id, 'completed');
  });

  it('is there, all of it and in order, when the job has ended', async () => {
    const engine = given().engine({ backoff: AT_ONCE });
    engine.register('short', (_, job) => {
      for (let step = 1; step <= 3; step++) {
        job.progress(step);
        job.log(`attempt ${job.attempt} step ${step}`, step === 3 ? 'error' : 'debug');
      }
      if (job.attempt === 1) throw new Error('again');
    });
    await engine.start();
    const { id } = await engine.enqueue('short');
    expect((await reached(engine, id, 'completed')).progress).toBe(3);
    expect((await engine.jobs.logs(id)).map(({ level, message, attempt }) => [level, message, attempt])).toEqual([
      ['debug', 'attempt 1 step 1', 1],
      ['debug', 'attempt 1 step 2', 1],
      ['error', 'attempt 1 step 3', 1],
      ['debug', 'attempt 2 step 1', 2],
      ['debug', 'attempt 2 step 2', 2],
      ['error', 'attempt 2 step 3', 2],
    ]);
    expect(await engine.jobs.logs(id, { limit: 2 })).toHaveLength(2);
  });

  it('is written before the outcome, also when a write of reports was under way as the handler ended', async () => {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({ store: faulty.store });
    const held = faulty.hold('reportJobs');
    engine.register('long', async (_, job) => {
      job.progress('said before the end');
      job.log('said before the end');
      await held.reached;
    });
    await engine.start();
    const { id } = await engine.enqueue('long');
    await held.reached;
    const other = await engine.enqueue('quiet');
    engine.register('quiet', () => 'done');
    await reached(engine, other.id, 'completed');
    expect((await engine.jobs.get(id))?.state).toBe('running');
    held.release();
    expect((await reached(engine, id, 'completed')).progress).toBe('said before the end');
    expect(await engine.jobs.logs(id)).toHaveLength(1);
  });

  it('does not keep the job from ending when it cannot be written', async () => {
    const faulty = new FaultyStore(await given().open());
    faulty.cut(['reportJobs']);
    const engine = given().engine({ store: faulty.store });
    engine.register('short', (_, job) => {
      job.progress(1);
      return 'done';
    });
    await engine.start();
    const { id } = await engine.enqueue('short');
    expect(await reached(engine, id, 'completed')).toMatchObject({ result: 'done', progress: undefined });
    expect(given().logger.warnings.join('\n')).toContain('were not written');
  });

  it('is dropped when the attempt is over', async () => {
    const engine = given().engine();
    const gate = deferred();
    const said = deferred();
    engine.register('short', (_, job) => {
      void gate.promise.then(() => {
        job.progress('too late');
        job.log('too late');
        said.resolve();
      });
    });
    await engine.start();
    const { id } = await engine.enqueue('short');
    await reached(engine, id, 'completed');
    gate.resolve();
    await said.promise;
    await engine.drain();
    expect((await engine.jobs.get(id))?.progress).toBeUndefined();
    expect(await engine.jobs.logs(id)).toEqual([]);
  });
});
