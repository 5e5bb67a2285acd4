import { describe, expect, it } from 'vitest';
import { createEngine } from '../../lib/engine/create-engine.js';
import { JobTimeoutError } from '../../lib/errors.js';
import { NonRetryableError } from '../../lib/job/control-outcomes.js';
import { createMemoryStore } from '../../lib/store/memory/memory-store.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { deferred, fired } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { AT_ONCE, NO_POLLING, reached } from '../support/job-states.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { until } from '../support/until.js';

describeOnEachStore('an attempt that takes too long', (given) => {
  it('is told by its signal, and is tried again', async () => {
    const engine = given().engine({ backoff: AT_ONCE });
    const reasons: unknown[] = [];
    engine.register('slow', async (_, { signal, attempt }) => {
      if (attempt > 1) return 'in time';
      reasons.push(await fired(signal));
      throw signal.reason;
    });
    await engine.start();
    const { id } = await engine.enqueue('slow', null, { timeout: 60 });
    const job = await reached(engine, id, 'completed');
    expect(job).toMatchObject({ result: 'in time', attempt: 2, retryCount: 1, errors: [{ name: 'JobTimeoutError' }] });
    expect(reasons[0]).toBeInstanceOf(JobTimeoutError);
  });

  it('has failed also when its handler returns after all', async () => {
    const engine = given().engine({ maxRetries: 0 });
    engine.register('slow', async (_, { signal }) => {
      await fired(signal);
      return 'too late';
    });
    await engine.start();
    const { id } = await engine.enqueue('slow', null, { timeout: 60 });
    expect(await reached(engine, id, 'failed')).toMatchObject({
      result: undefined,
      errors: [{ name: 'JobTimeoutError', code: 'JOB_TIMEOUT' }],
    });
  });

  it('keeps what its handler threw on the way out as the cause', async () => {
    const engine = given().engine({ maxRetries: 0 });
    engine.register('slow', async (_, { signal }) => {
      await fired(signal);
      throw new Error('cleaning up broke');
    });
    await engine.start();
    const { id } = await engine.enqueue('slow', null, { timeout: 60 });
    expect((await reached(engine, id, 'failed')).errors).toMatchObject([
      { name: 'JobTimeoutError', cause: { message: 'cleaning up broke' } },
    ]);
  });

  it('is given up when its handler ignores the signal: its slot is free, and its late result is dropped', async () => {
    const engine = given().engine({ concurrency: 1, maxRetries: 0 });
    const late = deferred<string>();
    engine.register('deaf', () => late.promise);
    engine.register('greet', () => 'done');
    await engine.start();
    const deaf = await engine.enqueue('deaf', null, { timeout: 60 });
    const next = await engine.enqueue('greet');
    expect(await reached(engine, deaf.id, 'failed')).toMatchObject({ errors: [{ name: 'JobTimeoutError' }] });
    await reached(engine, next.id, 'completed');
    late.resolve('much too late');
    await until('the late end was noted', () =>
      given().logger.warnings.some((line) => line.includes('after it was given up')),
    );
    expect(await engine.jobs.get(deaf.id)).toMatchObject({ state: 'failed', result: undefined });
  });

  it('may say that trying again is pointless', async () => {
    const engine = given().engine();
    engine.register('slow', async (_, { signal }) => {
      await fired(signal);
      throw new NonRetryableError('not worth it');
    });
    await engine.start();
    const { id } = await engine.enqueue('slow', null, { timeout: 60 });
    expect(await reached(engine, id, 'failed')).toMatchObject({ attempt: 1, errors: [{ name: 'NonRetryableError' }] });
  });
});

describe('timeouts, to the millisecond', () => {
  it('the signal fires at the timeout and not before, for each of many jobs; without one it never does', async () => {
    const clock = new TestClock();
    const begin = clock.now();
    const engine = createEngine({
      store: createMemoryStore({ clock }),
      clock,
      logger: new RecordingLogger(),
      maxRetries: 0,
      ...NO_POLLING,
      lease: '1w',
    });
    const at = new Map<unknown, number>();
    engine.register('slow', async (name, { signal }) => {
      await fired(signal);
      at.set(name, clock.now() - begin);
    });
    await engine.start();
    await engine.enqueueMany([
      { job: 'slow', input: 'b', timeout: '2s' },
      { job: 'slow', input: 'a', timeout: '1s' },
      { job: 'slow', input: 'c', timeout: '5m' },
      { job: 'slow', input: 'never', timeout: 0 },
    ]);
    await clock.advance(999);
    expect([...at]).toEqual([]);
    await clock.advance(1);
    expect([...at]).toEqual([['a', 1_000]]);
    await clock.advance('1d');
    expect([...at]).toEqual([
      ['a', 1_000],
      ['b', 2_000],
      ['c', 300_000],
    ]);
    const stopped = engine.stop();
    await clock.advance('1m');
    await stopped;
    expect(clock.pendingTimers).toBe(0);
  });

  it('a handler that ignores its signal is given up after the grace', async () => {
    const clock = new TestClock();
    const engine = createEngine({
      store: createMemoryStore({ clock }),
      clock,
      logger: new RecordingLogger(),
      maxRetries: 0,
      abortGrace: 500,
      ...NO_POLLING,
      lease: '1w',
    });
    engine.register('deaf', () => new Promise(() => undefined));
    await engine.start();
    const { id } = await engine.enqueue('deaf', null, { timeout: '1s' });
    await clock.advance(1_499);
    expect((await engine.jobs.get(id))?.state).toBe('running');
    await clock.advance(1);
    expect((await engine.jobs.get(id))?.state).toBe('failed');
    await engine.stop();
  });
});
