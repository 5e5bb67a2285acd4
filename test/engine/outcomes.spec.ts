import { describe, expect, it } from 'vitest';
import { createEngine } from '../../lib/engine/create-engine.js';
import type { Engine } from '../../lib/engine/engine.js';
import type { EngineOptions } from '../../lib/engine/options.js';
import { InvalidOptionsError } from '../../lib/errors.js';
import { CancelJob, NonRetryableError, Snooze } from '../../lib/job/control-outcomes.js';
import { defineJob } from '../../lib/job/job-definition.js';
import { createMemoryStore } from '../../lib/store/memory/memory-store.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { describeOnEachStore } from '../support/each-store.js';
import { AT_ONCE, NO_POLLING, reached } from '../support/job-states.js';
import { RecordingLogger } from '../support/recording-logger.js';

describeOnEachStore('how an attempt ends', (given) => {
  it('what the handler returns is the result', async () => {
    const engine = given().engine();
    engine.register('sum', (input: unknown) => (input as number[]).reduce((sum, each) => sum + each, 0));
    await engine.start();
    const { id } = await engine.enqueue('sum', [1, 2, 3]);
    const job = await reached(engine, id, 'completed');
    expect(job).toMatchObject({ result: 6, attempt: 1, retryCount: 0, errors: [], workerId: undefined });
    expect(job.completedAt!.getTime()).toBeGreaterThanOrEqual(job.startedAt!.getTime());
  });

  it('a handler that throws is tried again, and its history is kept with the result', async () => {
    const engine = given().engine({ backoff: AT_ONCE });
    engine.register('flaky', (_, { retryCount }) => {
      if (retryCount < 2) throw new RangeError(`try ${retryCount}`, { cause: new Error('why') });
      return 'done';
    });
    await engine.start();
    const { id } = await engine.enqueue('flaky');
    const job = await reached(engine, id, 'completed');
    expect(job).toMatchObject({ result: 'done', attempt: 3, retryCount: 2 });
    expect(job.errors).toMatchObject([
      { name: 'RangeError', message: 'try 0', attempt: 1, cause: { message: 'why' }, stack: expect.any(String) },
      { name: 'RangeError', message: 'try 1', attempt: 2 },
    ]);
  });

  it('the history keeps the newest ten errors', async () => {
    const engine = given().engine({ backoff: AT_ONCE });
    engine.register('hopeless', (_, { attempt }) => {
      throw new Error(`attempt ${attempt}`);
    });
    await engine.start();
    const { id } = await engine.enqueue('hopeless', null, { maxRetries: 12 });
    const job = await reached(engine, id, 'failed');
    expect(job).toMatchObject({ attempt: 13, retryCount: 13 });
    const kept = Array.from({ length: 10 }, (_, index) => `attempt ${index + 4}`);
    expect(job.errors.map(({ message }) => message)).toEqual(kept);
    expect((await engine.dlq.list()).entries[0]!.errors.map(({ message }) => message)).toEqual(kept);
  });

  it('a NonRetryableError ends the job at once', async () => {
    const engine = given().engine();
    engine.register('greet', () => {
      throw new NonRetryableError('pointless');
    });
    await engine.start();
    const { id } = await engine.enqueue('greet', null, { maxRetries: 5 });
    expect(await reached(engine, id, 'failed')).toMatchObject({
      attempt: 1,
      retryCount: 1,
      errors: [{ name: 'NonRetryableError', message: 'pointless', code: 'NON_RETRYABLE' }],
    });
    expect(await engine.dlq.count()).toBe(1);
  });

  it('a Snooze puts the job back without spending a retry', async () => {
    const engine = given().engine({ ...NO_POLLING });
    engine.register('greet', (_, { attempt }) => {
      if (attempt === 1) throw new Snooze(120);
      return 'awake';
    });
    await engine.start();
    const { id } = await engine.enqueue('greet', null, { maxRetries: 0 });
    const job = await reached(engine, id, 'completed');
    expect(job).toMatchObject({ result: 'awake', attempt: 2, retryCount: 0, errors: [] });
    expect(job.runAt.getTime() - job.createdAt.getTime()).toBeGreaterThanOrEqual(120);
  });

  it('a CancelJob ends the job as cancelled, with its reason and no dead letter', async () => {
    const engine = given().engine();
    engine.register('greet', () => {
      throw new CancelJob('nobody needs this');
    });
    await engine.start();
    const { id } = await engine.enqueue('greet');
    expect(await reached(engine, id, 'cancelled')).toMatchObject({
      attempt: 1,
      retryCount: 0,
      errors: [{ name: 'CancelJob', message: 'nobody needs this' }],
    });
    expect(await engine.dlq.count()).toBe(0);
  });

  it('a handler knows its attempt, its retries and whether it is the last', async () => {
    const engine = given().engine({ backoff: AT_ONCE });
    const seen: unknown[] = [];
    engine.register('greet', (payload, job) => {
      seen.push([job.attempt, job.retryCount, job.maxRetries, job.isFinalAttempt, job.idempotencyKey]);
      expect(job).toMatchObject({
        name: 'greet',
        queue: 'default',
        priority: 4,
        headers: { trace: 'x' },
        groupKey: 'g',
      });
      expect(job.payload).toEqual(payload);
      expect(job.startedAt.getTime()).toBeGreaterThanOrEqual(job.createdAt.getTime());
      throw new Error('no');
    });
    await engine.start();
    const { id } = await engine.enqueue(
      'greet',
      { a: 1 },
      { maxRetries: 1, priority: 4, headers: { Trace: 'x' }, groupKey: 'g' },
    );
    await reached(engine, id, 'failed');
    expect(seen).toEqual([
      [1, 0, 1, false, id],
      [2, 1, 1, true, id],
    ]);
  });

  it('options come from the call, else from the definition, else from the engine', async () => {
    const engine = given().engine({ worker: false, maxRetries: 9, timeout: '9s' });
    const definition = defineJob('defined', { queue: 'slow', priority: 5, maxRetries: 5, timeout: '5s' });
    const options = ({ queue, priority, maxRetries, timeoutMs }: Awaited<ReturnType<Engine['enqueue']>>): unknown[] => [
      queue,
      priority,
      maxRetries,
      timeoutMs,
    ];
    expect(options(await engine.enqueue('plain'))).toEqual(['default', 0, 9, 9_000]);
    expect(options(await engine.enqueue(definition, null))).toEqual(['slow', 5, 5, 5_000]);
    const call = { queue: 'fast', priority: 0, maxRetries: 0, timeout: 0 };
    expect(options(await engine.enqueue(definition, null, call))).toEqual(['fast', 0, 0, 0]);
    expect(options(await engine.enqueue('defined'))).toEqual(['slow', 5, 5, 5_000]);
  });

  it('a definition counts, whether its handler was registered by name before or after', async () => {
    const early = given().engine({ worker: false });
    early.register('greet', () => 'done');
    const definition = defineJob('greet', { maxRetries: 7 });
    expect((await early.enqueue(definition, null)).maxRetries).toBe(7);
    const late = given().engine({ worker: false });
    await late.enqueue(definition, null);
    late.register('greet', () => 'done');
    expect((await late.enqueue('greet')).maxRetries).toBe(7);
  });

  it('two handlers of one name are refused, and both are named', () => {
    const engine = given().engine({ worker: false });
    engine.register('greet', () => 'done', 'Greeter.hello');
    expect(() => engine.register('greet', () => 'done', 'Other.hello')).toThrow(InvalidOptionsError);
    expect(() => engine.register('greet', () => 'done', 'Other.hello')).toThrow(/Greeter\.hello.*Other\.hello/);
  });
});

describe('how long an attempt waits, to the millisecond', () => {
  const logger = new RecordingLogger();
  const clock = new TestClock();

  const start = async (options: Partial<EngineOptions> = {}): Promise<Engine> => {
    const engine = createEngine({
      store: createMemoryStore({ clock }),
      clock,
      logger,
      ...NO_POLLING,
      lease: '1w',
      ...options,
    });
    await engine.start();
    return engine;
  };

  it('a job that is due in 700 ms is not started at 699 and is at 700', async () => {
    const engine = await start();
    let started = 0;
    engine.register('greet', () => void (started += 1));
    await engine.enqueue('greet', null, { delay: 700 });
    await clock.advance(699);
    expect(started).toBe(0);
    await clock.advance(1);
    expect(started).toBe(1);
    await engine.stop();
  });

  it('a job that is due at a time starts then', async () => {
    const engine = await start();
    let started = 0;
    engine.register('greet', () => void (started += 1));
    await engine.enqueue('greet', null, { runAt: new Date(clock.now() + 86_400_000) });
    await clock.advance(86_399_999);
    expect(started).toBe(0);
    await clock.advance(1);
    expect(started).toBe(1);
    await engine.stop();
  });

  const cases = [
    ['of the engine', { backoff: { type: 'constant', initial: 1_000 } as const }, {}, {}, 1_000],
    [
      'of the definition',
      { backoff: { type: 'constant', initial: 1_000 } as const },
      { backoff: { type: 'constant', initial: 2_000 } as const },
      {},
      2_000,
    ],
    [
      'of the call',
      { backoff: { type: 'constant', initial: 1_000 } as const },
      { backoff: { type: 'constant', initial: 2_000 } as const },
      { backoff: { type: 'constant', initial: 3_000 } as const },
      3_000,
    ],
  ] as const;

  for (const [whose, ofEngine, ofDefinition, ofCall, delay] of cases) {
    it(`a retry waits by the backoff ${whose}`, async () => {
      const engine = await start(ofEngine);
      let started = 0;
      const definition = defineJob('greet', ofDefinition);
      engine.register(definition, () => {
        started += 1;
        throw new Error('no');
      });
      await engine.enqueue(definition, null, ofCall);
      await clock.advance(delay - 1);
      expect(started).toBe(1);
      await clock.advance(1);
      expect(started).toBe(2);
      await engine.stop();
    });
  }

  it('an exponential backoff doubles up to its maximum', async () => {
    const engine = await start({ backoff: { type: 'exponential', initial: 100, max: 350 }, maxRetries: 4 });
    const begin = clock.now();
    const at: number[] = [];
    engine.register('greet', () => {
      at.push(clock.now() - begin);
      throw new Error('no');
    });
    await engine.enqueue('greet');
    await clock.advance(2_000);
    expect(at).toEqual([0, 100, 300, 650, 1_000]);
    await engine.stop();
  });

  it('a snooze wakes at its time', async () => {
    const engine = await start();
    const begin = clock.now();
    const at: number[] = [];
    engine.register('greet', (_, { attempt }) => {
      at.push(clock.now() - begin);
      if (attempt === 1) throw new Snooze('2h');
    });
    await engine.enqueue('greet');
    await clock.advance('3h');
    expect(at).toEqual([0, 7_200_000]);
    await engine.stop();
  });

  it('an idle worker polls ever less often, and at once after a wake-up', async () => {
    const inner = createMemoryStore({ clock });
    const polls: number[] = [];
    const store = new Proxy(inner, {
      get(target, name: keyof typeof inner) {
        const value = target[name];
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (name === 'claimJobs') polls.push(clock.now());
          return Reflect.apply(value, target, args);
        };
      },
    });
    const engine = createEngine({ store, clock, logger, pollInterval: 1_000, maxPollInterval: 8_000, lease: '1w' });
    engine.register('greet', () => 'done');
    await engine.start();
    await clock.advance(100_000);
    const pauses = polls.slice(1).map((at, index) => at - polls[index]!);
    // One second, doubled to eight, each a quarter more or less.
    for (const [index, pause] of pauses.entries()) {
      const nominal = Math.min(8_000, 1_000 * 2 ** index);
      expect(pause).toBeGreaterThanOrEqual(nominal * 0.75);
      expect(pause).toBeLessThanOrEqual(nominal * 1.25);
    }
    expect(pauses.length).toBeGreaterThan(8);
    const before = polls.length;
    await engine.enqueue('greet');
    await clock.advance(0);
    expect(polls.length).toBeGreaterThan(before);
    expect(polls[before]).toBe(clock.now());
    await engine.stop();
  });
});
