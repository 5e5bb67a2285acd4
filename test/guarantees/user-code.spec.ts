import { afterEach, beforeEach, expect, it } from 'vitest';
import { defineJob } from '../../lib/job/job-definition.js';
import { deferred } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { reached } from '../support/job-states.js';
import { until } from '../support/until.js';

const unreadable = {
  toString() {
    throw new Error('not even this');
  },
  toJSON() {
    throw new Error('nor this');
  },
};

const hostile = new Proxy(new Error('hostile'), {
  get: () => {
    throw new Error('do not look at me');
  },
});

class OddError extends Error {
  override get message(): string {
    throw new Error('no message');
  }
}

describeOnEachStore('user code cannot take the engine down', (given) => {
  const stray: unknown[] = [];
  const note = (reason: unknown): void => void stray.push(reason);

  beforeEach(() => {
    process.on('unhandledRejection', note);
    process.on('uncaughtException', note);
  });

  afterEach(() => {
    process.off('unhandledRejection', note);
    process.off('uncaughtException', note);
    expect(stray.splice(0)).toEqual([]);
  });

  const thrown: readonly (readonly [string, unknown, { readonly name: string; readonly message?: unknown }])[] = [
    ['an error', new RangeError('too far'), { name: 'RangeError', message: 'too far' }],
    ['a text', 'just text', { name: 'NonError', message: 'just text' }],
    ['undefined', undefined, { name: 'NonError', message: 'undefined' }],
    ['null', null, { name: 'NonError', message: 'null' }],
    ['a symbol', Symbol('odd'), { name: 'NonError', message: 'Symbol(odd)' }],
    ['an object whose toString throws', unreadable, { name: 'NonError' }],
    ['an error whose message cannot be read', new OddError(), { name: 'NonError' }],
    ['a proxy that throws at every look', hostile, { name: 'NonError' }],
    [
      'an error with NUL in its text',
      new Error('a\u0000b'),
      { name: 'Error', message: expect.stringMatching(/^a.*b$/s) },
    ],
    ['an error with half a surrogate pair', new Error('a\ud800b'), { name: 'Error' }],
    ['an endless text', 'x'.repeat(3_000_000), { name: 'NonError' }],
  ];

  for (const [what, value, expected] of thrown) {
    it(`a handler that throws ${what} has failed, and the next job runs`, async () => {
      const engine = given().engine({ maxRetries: 0 });
      engine.register('sync', () => {
        throw value;
      });
      engine.register('async', () => Promise.reject(value));
      engine.register('greet', () => 'done');
      await engine.start();
      const [sync, async, next] = await engine.enqueueMany([{ job: 'sync' }, { job: 'async' }, { job: 'greet' }]);
      expect((await reached(engine, sync!.id, 'failed')).errors).toEqual([expect.objectContaining(expected)]);
      expect((await reached(engine, async!.id, 'failed')).errors).toEqual([expect.objectContaining(expected)]);
      await reached(engine, next!.id, 'completed');
      expect(await engine.dlq.count()).toBe(2);
    });
  }

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const results: readonly (readonly [string, unknown])[] = [
    ['a bigint', 10n],
    ['a cycle', cycle],
    ['a function', () => undefined],
    ['an object whose toJSON throws', unreadable],
    ['more than the limit', 'x'.repeat(5_000)],
  ];

  for (const [what, value] of results) {
    it(`a handler that returns ${what} has completed, without a result`, async () => {
      const engine = given().engine({ maxResultBytes: 4_096 });
      engine.register('greet', () => value);
      await engine.start();
      const { id } = await engine.enqueue('greet');
      const job = await reached(engine, id, 'completed');
      expect(job).toMatchObject({ attempt: 1, result: undefined, errors: [] });
      if (typeof value !== 'function') {
        expect(given().logger.warnings.join('\n')).toMatch(new RegExp(`the result of job ${id} "greet" is not kept`));
      }
    });
  }

  for (const value of [null, '', 0, false, [], {}, 'ü\u0000ü', { deep: [{ er: null }] }]) {
    it(`a handler that returns ${JSON.stringify(value)} has that as its result`, async () => {
      const engine = given().engine();
      engine.register('greet', () => value);
      await engine.start();
      const { id } = await engine.enqueue('greet', value);
      expect(await reached(engine, id, 'completed')).toMatchObject({ result: value, payload: value });
    });
  }

  it('a listener that throws, rejects or hangs keeps nobody waiting', async () => {
    const engine = given().engine();
    const told: string[] = [];
    engine.on('jobCompleted', () => {
      throw new Error('listener broke');
    });
    engine.on('jobCompleted', () => Promise.reject(unreadable));
    const end = deferred();
    engine.on('jobCompleted', () => end.promise);
    engine.on('jobEnqueued', () => end.promise);
    engine.on('jobStarted', () => {
      throw undefined;
    });
    engine.on('jobCompleted', ({ job }) => told.push(job.id));
    engine.register('greet', () => 'done');
    await engine.start();
    const first = await engine.enqueue('greet');
    await reached(engine, first.id, 'completed');
    const second = await engine.enqueue('greet');
    await reached(engine, second.id, 'completed');
    await until('the good listener was told', () => told.length === 2);
    expect(told).toEqual([first.id, second.id]);
    expect(given().logger.errors.join('\n')).toContain('listener broke');
    end.resolve();
  });

  it('a backoff strategy that throws or returns nonsense still gives a retry', async () => {
    const engine = given().engine({ pollInterval: 20, maxPollInterval: 20 });
    const delays: unknown[] = [-5, 0.4, 'soon'];
    const strategies = [
      () => {
        throw new Error('no idea');
      },
      ...delays.map((delay) => () => delay as number),
    ];
    for (const [index, delay] of strategies.entries()) {
      engine.register(defineJob(`greet ${index}`, { backoff: { delay } }), (_, { attempt }) => {
        if (attempt === 1) throw new Error('not yet');
        return 'done';
      });
    }
    await engine.start();
    const jobs = await engine.enqueueMany(strategies.map((_, index) => ({ job: `greet ${index}` })));
    for (const { id } of jobs) expect(await reached(engine, id, 'completed')).toMatchObject({ retryCount: 1 });
  });

  it('a handler that works with a promise of its own kind is awaited', async () => {
    const engine = given().engine({ maxRetries: 0 });
    const thenable = (value: unknown, reject = false): unknown => ({
      then(onValue: (value: unknown) => void, onReason: (reason: unknown) => void) {
        if (reject) onReason(value);
        else onValue(value);
      },
    });
    engine.register('good', () => thenable('done'));
    engine.register('bad', () => thenable('no', true));
    engine.register('nested', () => thenable(Promise.reject(new Error('from within'))));
    engine.register('ugly', () => ({
      then() {
        throw new Error('a then that throws');
      },
    }));
    engine.register('uglier', () => ({
      get then() {
        throw new Error('a then that cannot be read');
      },
    }));
    await engine.start();
    const jobs = await engine.enqueueMany(['good', 'bad', 'ugly', 'uglier', 'nested'].map((job) => ({ job })));
    expect((await reached(engine, jobs[0]!.id, 'completed')).result).toBe('done');
    expect((await reached(engine, jobs[1]!.id, 'failed')).errors[0]!.message).toBe('no');
    expect((await reached(engine, jobs[2]!.id, 'failed')).errors[0]!.message).toBe('a then that throws');
    expect((await reached(engine, jobs[3]!.id, 'failed')).errors[0]!.message).toBe('a then that cannot be read');
    expect((await reached(engine, jobs[4]!.id, 'failed')).errors[0]!.message).toBe('from within');
  });

  it('progress and log lines that cannot be stored do no harm', async () => {
    const engine = given().engine();
    engine.register('greet', (_, ctx) => {
      ctx.progress(cycle);
      ctx.progress(10n);
      ctx.progress(() => undefined);
      ctx.progress('x'.repeat(100_000));
      ctx.progress({ half: true });
      ctx.log('a\u0000b\ud800c');
      ctx.log('x'.repeat(100_000));
      ctx.log(undefined as unknown as string);
      return 'done';
    });
    await engine.start();
    const { id } = await engine.enqueue('greet');
    expect(await reached(engine, id, 'completed')).toMatchObject({ progress: { half: true }, result: 'done' });
    expect(await engine.jobs.logs(id)).toHaveLength(3);
  });

  it('a middleware that throws, or calls next twice, fails the attempt and nothing else', async () => {
    const engine = given().engine({
      maxRetries: 0,
      middleware: [
        (job) => {
          if (job.name === 'broken') throw new Error('middleware broke');
          return Promise.resolve('from the middleware');
        },
      ],
    });
    engine.register('broken', () => 'done');
    engine.register('greet', () => 'done');
    await engine.start();
    const [broken, good] = await engine.enqueueMany([{ job: 'broken' }, { job: 'greet' }]);
    expect((await reached(engine, broken!.id, 'failed')).errors[0]!.message).toBe('middleware broke');
    expect((await reached(engine, good!.id, 'completed')).result).toBe('from the middleware');
  });
});
