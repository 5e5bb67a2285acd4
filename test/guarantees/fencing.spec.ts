import { expect, it } from 'vitest';
import { LeaseLostError } from '../../lib/errors.js';
import type { LifecycleEvents } from '../../lib/ext/lifecycle.js';
import { deferred, fired } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { FAST_RESCUE, NO_POLLING, reached } from '../support/job-states.js';
import { until } from '../support/until.js';

describeOnEachStore('a claim is a lease with a fence', (given) => {
  it('a worker stopped past its lease cannot complete the job another worker now runs', async () => {
    const faulty = new FaultyStore(await given().open());
    // Long enough for a claim whose statement is planned for the first time.
    const stopped = given().engine({ store: faulty.store, ...FAST_RESCUE, lease: 1_000 });
    const silence = faulty.hold('heartbeat', Number.POSITIVE_INFINITY);
    faulty.cut(['rescueJobs']);
    const [first, second] = [deferred<string>(), deferred<string>()];
    const lost: LifecycleEvents['jobLost'][] = [];
    stopped.on('jobLost', (event) => lost.push(event));
    stopped.register('greet', () => first.promise);
    await stopped.start();
    const { id } = await stopped.enqueue('greet');
    await reached(stopped, id, 'running');
    faulty.cut(['claimJobs']);

    const other = given().engine({ lease: '1h' });
    other.register('greet', () => second.promise);
    await until('the lease of the first is over', async () => (await stopped.workers())[0]?.state === 'dead');
    await other.start();
    await until('the other one runs it', async () => (await other.jobs.get(id))?.attempt === 2);

    first.resolve('of the first');
    await until('the first heard that it lost the job', () => lost.length > 0);
    expect(lost).toEqual([{ jobId: id, name: 'greet', attempt: 1 }]);
    expect(await other.jobs.get(id)).toMatchObject({ state: 'running', attempt: 2, result: undefined });

    second.resolve('of the second');
    expect(await reached(other, id, 'completed')).toMatchObject({ result: 'of the second', attempt: 2, retryCount: 1 });
    silence.release();
  });

  it('the signal of a handler whose job was taken away fires after the next heartbeat', async () => {
    const looking = await given().open();
    const first = given().engine({ heartbeat: 40, lease: '1h' });
    const reasons: unknown[] = [];
    const lost: LifecycleEvents['jobLost'][] = [];
    first.on('jobLost', (event) => lost.push(event));
    first.register('greet', async (_, { signal, attempt }) => {
      if (attempt > 1) return 'again';
      reasons.push(await fired(signal));
      return 'too late';
    });
    await first.start();
    const { id } = await first.enqueue('greet');
    const { workerId } = await reached(first, id, 'running');

    await looking.deregisterWorker(workerId!);
    await until('the handler was told', () => reasons.length > 0);
    expect(reasons[0]).toBeInstanceOf(LeaseLostError);
    await until('the loss was made known', () => lost.length > 0);
    expect(lost).toEqual([{ jobId: id, name: 'greet', attempt: 1 }]);

    const other = given().engine();
    other.register('greet', () => 'again');
    await other.start();
    expect((await reached(other, id, 'completed')).result).toBe('again');
  });

  it('the signal fires also when a claim is what tells the process of its death', async () => {
    const looking = await given().open();
    const engine = given().engine({ heartbeat: '10m', lease: '1h', ...NO_POLLING });
    const reasons: unknown[] = [];
    engine.register('long', async (_, { signal }) => void reasons.push(await fired(signal)));
    engine.register('greet', () => 'done');
    await engine.start();
    const { id } = await engine.enqueue('long');
    const { workerId } = await reached(engine, id, 'running');
    await looking.deregisterWorker(workerId!);
    await reached(engine, (await engine.enqueue('greet')).id, 'completed');
    await until('the handler was told', () => reasons.length > 0);
    expect(reasons[0]).toBeInstanceOf(LeaseLostError);
  });

  it('a handler that ignores the loss of its lease gives its slot away after the grace', async () => {
    const looking = await given().open();
    const engine = given().engine({ heartbeat: 40, lease: '1h', concurrency: 1, queues: ['default'] });
    const never = deferred();
    engine.register('hang', () => never.promise);
    engine.register('greet', () => 'done');
    await engine.start();
    const { id } = await engine.enqueue('hang');
    const { workerId } = await reached(engine, id, 'running');
    await looking.deregisterWorker(workerId!);
    const next = await engine.enqueue('greet');
    await reached(engine, next.id, 'completed');
    expect(given().logger.warnings.join('\n')).toContain('lost its lease');
    never.resolve();
  });

  it('a process that was declared dead goes on under a new worker id and works again', async () => {
    const looking = await given().open();
    const engine = given().engine({ heartbeat: 40, lease: '1h', concurrency: 3 });
    engine.register('greet', () => 'done');
    await engine.start();
    const before = (await engine.health()).worker!.id;
    await looking.deregisterWorker(before);
    const after = await until('it has a new id', async () => {
      const { id } = (await engine.health()).worker!;
      return id === before ? null : id;
    });
    const { id } = await engine.enqueue('greet');
    await reached(engine, id, 'completed');
    expect((await engine.workers()).map((worker) => worker.id)).toEqual([after]);
  });

  it('a process that hears of its death by heartbeat and by claim at once takes one new id', async () => {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({ store: faulty.store, heartbeat: 40, lease: '1h', ...NO_POLLING });
    engine.register('greet', () => 'done');
    await engine.start();
    const before = (await engine.health()).worker!.id;
    await until('the first look is over', () => faulty.calls('claimJobs').length > 0);
    const late = deferred();
    faulty.answer('claimJobs', async (proceed) => {
      const answer = await proceed();
      await late.promise;
      return answer;
    });
    await faulty.store.deregisterWorker(before);
    const { id } = await engine.enqueue('greet');
    await until('the heartbeat brought a new id', async () => (await engine.health()).worker!.id !== before);
    late.resolve();
    await reached(engine, id, 'completed');
    expect(await engine.workers()).toHaveLength(1);
  });

  it('progress and log lines of a lost attempt are dropped', async () => {
    const faulty = new FaultyStore(await given().open());
    const first = given().engine({ store: faulty.store, heartbeat: '10m', lease: '1h' });
    const gate = deferred();
    first.register('report', async (_, ctx) => {
      await gate.promise;
      ctx.progress('of the first');
      ctx.log('of the first');
    });
    await first.start();
    const { id } = await first.enqueue('report');
    const { workerId } = await reached(first, id, 'running');
    faulty.cut(['claimJobs']);
    await faulty.store.deregisterWorker(workerId!);
    const other = given().engine();
    other.register('report', (_, ctx) => {
      ctx.progress('of the second');
      ctx.log('of the second');
    });
    await other.start();
    await reached(other, id, 'completed');
    gate.resolve();
    await until('the first gave up', () => given().logger.warnings.some((line) => line.includes('lost its lease')));
    expect((await other.jobs.get(id))?.progress).toBe('of the second');
    expect((await other.jobs.logs(id)).map(({ message }) => message)).toEqual(['of the second']);
  });
});
