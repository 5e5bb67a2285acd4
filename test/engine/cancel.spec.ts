import { expect, it } from 'vitest';
import { JobAlreadyCompleteError, JobCancelledError, JobNotFoundError } from '../../lib/errors.js';
import { newJobId } from '../../lib/id/ids.js';
import { deferred, fired } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { NO_POLLING, reached } from '../support/job-states.js';
import { until } from '../support/until.js';

describeOnEachStore('cancelling a job', (given) => {
  it('ends a waiting job at once, and it never runs', async () => {
    const engine = given().engine();
    let runs = 0;
    engine.register('greet', () => void (runs += 1));
    const waiting = await engine.enqueue('greet');
    const deferredJob = await engine.enqueue('greet', null, { delay: '1h', uniqueKey: 'one' });
    const cancelled: string[] = [];
    engine.on('jobCancelled', ({ job }) => cancelled.push(job.id));
    expect((await engine.jobs.cancel(waiting.id)).state).toBe('cancelled');
    expect((await engine.jobs.cancel(deferredJob.id)).state).toBe('cancelled');
    await engine.start();
    const other = await engine.enqueue('greet', null, { uniqueKey: 'one' });
    expect(other.enqueued).toBe('inserted');
    await reached(engine, other.id, 'completed');
    expect(runs).toBe(1);
    expect(cancelled).toEqual([waiting.id, deferredJob.id]);
  });

  it('reaches the handler on another node by a wake-up, long before its heartbeat', async () => {
    const worker = given().engine({ heartbeat: '10m', lease: '1h', ...NO_POLLING });
    const reasons: unknown[] = [];
    const cancelled: string[] = [];
    worker.on('jobCancelled', ({ job }) => cancelled.push(job.id));
    worker.register('long', async (_, { signal }) => {
      reasons.push(await fired(signal));
      throw signal.reason;
    });
    await worker.start();
    const other = given().engine({ worker: false });
    const { id } = await other.enqueue('long');
    await reached(other, id, 'running');
    const asked = await other.jobs.cancel(id);
    expect(asked.state).toBe('running');
    expect(asked.cancelRequestedAt).toBeInstanceOf(Date);
    const job = await reached(other, id, 'cancelled');
    expect(job).toMatchObject({ retryCount: 0, errors: [{ name: 'JobCancelledError' }] });
    expect(reasons[0]).toBeInstanceOf(JobCancelledError);
    await until('it was told', () => cancelled.length > 0);
    expect(cancelled).toEqual([id]);
    expect(await other.dlq.count()).toBe(0);
  });

  it('reaches the handler with the next heartbeat where wake-ups are lost', async () => {
    const deaf = new FaultyStore(await given().open(), { wakes: false });
    const worker = given().engine({ store: deaf.store, heartbeat: 40, lease: '1h' });
    const reasons: unknown[] = [];
    worker.register('long', async (_, { signal }) => {
      reasons.push(await fired(signal));
      throw new Error('stopped');
    });
    const other = given().engine({ worker: false });
    const { id } = await other.enqueue('long');
    await worker.start();
    await reached(other, id, 'running');
    await other.jobs.cancel(id);
    await reached(other, id, 'cancelled');
    expect(reasons[0]).toBeInstanceOf(JobCancelledError);
  });

  it('ends a job whose handler ignores the signal, and frees its slot', async () => {
    const engine = given().engine({ concurrency: 1 });
    const never = deferred();
    engine.register('deaf', () => never.promise);
    engine.register('greet', () => 'done');
    await engine.start();
    const { id } = await engine.enqueue('deaf');
    await reached(engine, id, 'running');
    await engine.jobs.cancel(id);
    await reached(engine, id, 'cancelled');
    await reached(engine, (await engine.enqueue('greet')).id, 'completed');
    never.resolve();
  });

  it('comes too late for a handler that finishes all the same', async () => {
    const engine = given().engine();
    engine.register('long', async (_, { signal }) => {
      await fired(signal);
      return 'done anyway';
    });
    await engine.start();
    const { id } = await engine.enqueue('long');
    await reached(engine, id, 'running');
    await engine.jobs.cancel(id);
    expect(await reached(engine, id, 'completed')).toMatchObject({ result: 'done anyway' });
  });

  it('stops a job from being tried again, also when its worker had not heard of it', async () => {
    const deaf = new FaultyStore(await given().open(), { wakes: false });
    const worker = given().engine({ store: deaf.store, heartbeat: '10m', lease: '1h' });
    const gate = deferred();
    const cancelled: string[] = [];
    worker.on('jobCancelled', ({ job }) => cancelled.push(job.id));
    worker.on('jobRetrying', ({ job }) => cancelled.push(`retrying ${job.id}`));
    worker.register('long', async () => {
      await gate.promise;
      throw new Error('no');
    });
    const other = given().engine({ worker: false });
    const { id } = await other.enqueue('long');
    await worker.start();
    await reached(other, id, 'running');
    await other.jobs.cancel(id);
    gate.resolve();
    await reached(other, id, 'cancelled');
    await until('it was told', () => cancelled.length > 0);
    expect(cancelled).toEqual([id]);
  });

  it('is refused for a job that has ended, and for one that does not exist', async () => {
    const engine = given().engine();
    engine.register('greet', () => 'done');
    await engine.start();
    const { id } = await engine.enqueue('greet');
    await reached(engine, id, 'completed');
    await expect(engine.jobs.cancel(id)).rejects.toThrow(JobAlreadyCompleteError);
    await expect(engine.jobs.cancel(newJobId())).rejects.toThrow(JobNotFoundError);
  });

  it('can be taken back by a retry', async () => {
    const engine = given().engine();
    engine.register('greet', () => 'done');
    const { id } = await engine.enqueue('greet');
    await engine.jobs.cancel(id);
    await engine.start();
    await engine.jobs.retry(id);
    await reached(engine, id, 'completed');
  });
});
