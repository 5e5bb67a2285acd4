import { describe, expect, it } from 'vitest';
import { createEngine } from '../../lib/engine/create-engine.js';
import { StoreClosedError, WorkerShutdownError } from '../../lib/errors.js';
import { createMemoryStore } from '../../lib/store/memory/memory-store.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { deferred, fired } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { NO_POLLING, reached } from '../support/job-states.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { until } from '../support/until.js';

describeOnEachStore('a graceful shutdown', (given) => {
  it('lets short jobs finish, and claims no more', async () => {
    const engine = given().engine({ shutdownTimeout: '1h', concurrency: 1 });
    const gate = deferred();
    let runs = 0;
    engine.register('short', async () => {
      runs += 1;
      await gate.promise;
      return 'done';
    });
    await engine.start();
    const [first, second] = await engine.enqueueMany([{ job: 'short' }, { job: 'short' }]);
    await reached(engine, first!.id, 'running');
    const drained = engine.drain();
    await until('it is draining', async () => (await engine.workers())[0]?.state === 'draining');
    expect(engine.state).toBe('draining');
    gate.resolve();
    await drained;
    expect(await engine.jobs.get(first!.id)).toMatchObject({ state: 'completed', result: 'done' });
    expect(await engine.jobs.get(second!.id)).toMatchObject({ state: 'pending', attempt: 0 });
    expect(runs).toBe(1);
    expect(await engine.workers()).toEqual([]);
  });

  it('tells long jobs by their signal, hands them back unspent, and they run again elsewhere', async () => {
    const engine = given().engine({ shutdownTimeout: 50 });
    const reasons: unknown[] = [];
    const never = deferred();
    engine.register('polite', async (_, { signal }) => {
      reasons.push(await fired(signal));
      throw signal.reason;
    });
    engine.register('deaf', () => never.promise);
    await engine.start();
    const jobs = await engine.enqueueMany([
      { job: 'polite', maxRetries: 0 },
      { job: 'deaf', maxRetries: 0 },
    ]);
    for (const { id } of jobs) await reached(engine, id, 'running');
    await engine.drain();
    expect(reasons[0]).toBeInstanceOf(WorkerShutdownError);
    for (const { id } of jobs) {
      expect(await engine.jobs.get(id)).toMatchObject({ state: 'pending', attempt: 1, retryCount: 0, errors: [] });
    }

    const other = given().engine();
    other.register('polite', (_, { attempt, isFinalAttempt }) => ({ attempt, isFinalAttempt }));
    other.register('deaf', () => 'done');
    await other.start();
    expect((await reached(other, jobs[0]!.id, 'completed')).result).toEqual({ attempt: 2, isFinalAttempt: true });
    expect(await reached(other, jobs[1]!.id, 'completed')).toMatchObject({ retryCount: 0 });
    never.resolve();
  });

  it('keeps the lease while it waits for its jobs', async () => {
    const engine = given().engine({ shutdownTimeout: '1h', heartbeat: 60, lease: 1_000 });
    const gate = deferred();
    engine.register('short', () => gate.promise);
    await engine.start();
    const { id } = await engine.enqueue('short');
    await reached(engine, id, 'running');
    const [before] = await engine.workers();
    const drained = engine.drain();
    await until('the lease was renewed past its end', async () => {
      const [worker] = await engine.workers();
      expect(worker?.state).not.toBe('dead');
      return worker!.lastSeen > before!.leaseExpiresAt;
    });
    gate.resolve();
    await drained;
    expect(await engine.jobs.get(id)).toMatchObject({ state: 'completed', attempt: 1 });
  });

  it('leaves enqueuing open after the drain, and closes it with the stop', async () => {
    const engine = given().engine();
    const events: string[] = [];
    engine.on('shutdown', () => events.push('shutdown'));
    engine.register('greet', () => 'done');
    await engine.start();
    await engine.drain();
    const { id } = await engine.enqueue('greet');
    expect((await engine.jobs.get(id))?.state).toBe('pending');
    await engine.stop();
    expect(events).toEqual(['shutdown']);
    expect(engine.state).toBe('stopped');
    await expect(engine.enqueue('greet')).rejects.toThrow(StoreClosedError);
    await expect(engine.jobs.get(id)).rejects.toThrow(StoreClosedError);
    await engine.start();
    await reached(engine, id, 'completed');
    await engine.stop();
    await engine.stop();
  });

  it('can be asked for again and again, and in between started', async () => {
    const engine = given().engine();
    engine.register('greet', () => 'done');
    await Promise.all([engine.start(), engine.start(), engine.stop(), engine.start(), engine.drain(), engine.start()]);
    expect(engine.state).toBe('running');
    expect(await engine.workers()).toHaveLength(1);
    await reached(engine, (await engine.enqueue('greet')).id, 'completed');
  });

  it('writes every outcome and every enqueue that was under way', async () => {
    const engine = given().engine({ concurrency: 50 });
    engine.register('greet', () => 'done');
    await engine.start();
    const calls = Array.from({ length: 100 }, () => engine.enqueue('greet'));
    await Promise.race(calls);
    await engine.stop();
    const answers = await Promise.allSettled(calls);
    const acknowledged = answers.filter(({ status }) => status === 'fulfilled').length;
    const looking = given().engine({ worker: false });
    const counts = await looking.jobs.counts();
    expect(counts.completed + counts.pending).toBe(acknowledged);
    expect(counts.running).toBe(0);
  });

  it('lets a listener enqueue what it has to, and does not wait for ever for one that never returns', async () => {
    const clock = new TestClock();
    const engine = given().engine({ store: await given().open(), clock, worker: false });
    const enqueued: string[] = [];
    engine.on('shutdown', async () => void enqueued.push((await engine.enqueue('goodbye')).id));
    const end = deferred();
    engine.on('shutdown', () => end.promise);
    await engine.start();
    let over = false;
    const stopped = engine.stop().then(() => (over = true));
    await until('the listener has enqueued', () => enqueued.length > 0);
    expect(over).toBe(false);
    await until('it gave up', async () => {
      await clock.advance('1s');
      return over;
    });
    await stopped;
    const looking = given().engine({ worker: false });
    expect((await looking.jobs.get(enqueued[0]!))?.state).toBe('pending');
    end.resolve();
  });

  it('does not wait for ever for a store that is gone, and nothing goes on behind it', async () => {
    const clock = new TestClock();
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({ store: faulty.store, clock, lease: '1h', heartbeat: '10m', ...NO_POLLING });
    const gate = deferred();
    engine.register('greet', () => gate.promise);
    await engine.start();
    const { id } = await engine.enqueue('greet');
    await reached(engine, id, 'running');
    faulty.cut(['settleJobs', 'drainWorker', 'deregisterWorker', 'heartbeat', 'claimJobs', 'reportJobs']);
    gate.resolve();
    let over = false;
    const stopped = engine.stop().then(() => (over = true));
    await until('it gave up', async () => {
      await clock.advance('1s');
      return over;
    });
    await stopped;
    expect(given().logger.errors.join('\n')).toContain('their jobs will run again');
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('the stages of a shutdown, to the millisecond', () => {
  it('waits, then fires the signals, then gives up after the grace', async () => {
    const clock = new TestClock();
    const store = createMemoryStore({ clock });
    const engine = createEngine({
      store,
      clock,
      logger: new RecordingLogger(),
      shutdownTimeout: '25s',
      abortGrace: 500,
      ...NO_POLLING,
    });
    let firedAt: number | undefined;
    engine.register('deaf', (_, { signal }) => {
      signal.addEventListener('abort', () => (firedAt = clock.now()));
      return new Promise(() => undefined);
    });
    await engine.start();
    const { id } = await engine.enqueue('deaf');
    await clock.advance('1s');
    const begin = clock.now();
    let over = false;
    void engine.stop().then(() => (over = true));
    await clock.advance(24_999);
    expect(firedAt).toBeUndefined();
    await clock.advance(1);
    expect(firedAt).toBe(begin + 25_000);
    await clock.advance(499);
    expect([over, (await store.getJob(id))?.state]).toEqual([false, 'running']);
    await clock.advance(1);
    expect([over, (await store.getJob(id))?.state]).toEqual([true, 'pending']);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('what a shutdown waits for', () => {
  it('claims nothing more while the store takes its time to mark the worker', async () => {
    const faulty = new FaultyStore(createMemoryStore());
    const engine = createEngine({ store: faulty.store, logger: new RecordingLogger() });
    engine.register('work', () => undefined);
    await engine.start();
    const marking = faulty.hold('drainWorker');
    const stopped = engine.drain();
    await marking.reached;
    const { id } = await engine.enqueue('work');
    marking.release();
    await stopped;
    expect(await engine.jobs.get(id)).toMatchObject({ state: 'pending', attempt: 0 });
    await engine.stop();
  });

  it('does not wait for ever for an enqueue that the store never answers', async () => {
    const clock = new TestClock();
    const faulty = new FaultyStore(createMemoryStore({ clock }));
    const logger = new RecordingLogger();
    const engine = createEngine({ store: faulty.store, clock, logger, worker: false });
    await engine.open();
    const insert = faulty.hold('insertJobs');
    const enqueued = engine.enqueue('work');
    await insert.reached;
    const stopped = engine.stop();
    await clock.advance('10s');
    await stopped;
    expect(logger.errors).toEqual([expect.stringContaining('last enqueues')]);
    insert.release();
    await enqueued;
  });

  it('lets listeners that are under way enqueue', async () => {
    const engine = createEngine({ store: createMemoryStore(), logger: new RecordingLogger() });
    const gate = deferred();
    const enqueued = deferred();
    engine.register('work', () => 1);
    engine.on('jobCompleted', async () => {
      await gate.promise;
      await engine.enqueue('follow-up').then(
        () => enqueued.resolve(),
        (error: unknown) => enqueued.reject(error),
      );
    });
    await engine.start();
    const { id } = await engine.enqueue('work');
    await until('it is done', async () => (await engine.jobs.get(id))?.state === 'completed');
    const stopped = engine.stop();
    gate.resolve();
    await enqueued.promise;
    await stopped;
  });

  it('leaves no timer behind', async () => {
    const clock = new TestClock();
    const engine = createEngine({
      store: createMemoryStore({ clock }),
      clock,
      logger: new RecordingLogger(),
      abortGrace: '5s',
    });
    engine.register('work', async (_payload, { signal }) => {
      await fired(signal);
    });
    await engine.start();
    const { id } = await engine.enqueue('work');
    await clock.advance(10);
    await engine.jobs.cancel(id);
    await clock.advance(10);
    const stopped = engine.stop();
    await clock.advance(10);
    await stopped;
    expect(clock.pendingTimers).toBe(0);
  });
});
