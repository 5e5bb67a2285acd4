import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { JobTimeoutError } from '../../lib/errors.js';
import { Snooze } from '../../lib/job/control-outcomes.js';
import { logging } from '../../lib/middleware/logging.js';
import { type Middleware, chain } from '../../lib/middleware/middleware.js';
import { recover } from '../../lib/middleware/recover.js';
import { restoreScope } from '../../lib/middleware/scope.js';
import { timeout } from '../../lib/middleware/timeout.js';
import { scope } from '../../lib/scope/scope.js';
import { deferred } from '../support/deferred.js';
import { runningJob } from '../support/running-job.js';

const job = runningJob();

describe('a chain of middleware', () => {
  const tracing =
    (name: string, seen: string[]): Middleware =>
    async (_job, next) => {
      seen.push(`${name} before`);
      const result = await next();
      seen.push(`${name} after`);
      return result;
    };

  it('runs from the outermost to the handler and back', async () => {
    const seen: string[] = [];
    const result = await chain(tracing('a', seen), tracing('b', seen))(job, async () => {
      seen.push('handler');
      return 42;
    });
    expect(seen).toEqual(['a before', 'b before', 'handler', 'b after', 'a after']);
    expect(result).toBe(42);
  });

  it('of none is the handler', async () => {
    await expect(chain()(job, async () => 42)).resolves.toBe(42);
  });

  it('may replace the result, and may leave the handler out', async () => {
    const double: Middleware = async (_job, next) => ((await next()) as number) * 2;
    await expect(chain(double, double)(job, async () => 5)).resolves.toBe(20);
    const handler = vi.fn(async () => 1);
    await expect(chain(double, async () => 3)(job, handler)).resolves.toBe(6);
    expect(handler).not.toHaveBeenCalled();
  });

  it('passes errors outwards', async () => {
    const seen: string[] = [];
    const outer: Middleware = async (_job, next) => next().catch((error: unknown) => `caught ${String(error)}`);
    const broken = async (): Promise<never> => Promise.reject(new Error('broken'));
    await expect(chain(outer, tracing('b', seen))(job, broken)).resolves.toBe('caught Error: broken');
    expect(seen).toEqual(['b before']);
  });

  it('refuses a middleware that calls next twice, also later, and runs the handler once', async () => {
    const handler = vi.fn(async () => 1);
    const twice: Middleware = async (_job, next) => {
      await next();
      return next();
    };
    await expect(chain(twice)(job, handler)).rejects.toThrow('next() was called twice');
    await expect(chain(twice, recover())(job, handler)).rejects.toThrow('next() was called twice');
    expect(handler).toHaveBeenCalledTimes(2);
  });

  it('can be used again for the next job, also while another is under way', async () => {
    const gate = deferred();
    const around = chain(async (_job, next) => next());
    const first = around(job, async () => gate.promise.then(() => 'first'));
    await expect(around(job, async () => 'second')).resolves.toBe('second');
    gate.resolve();
    await expect(first).resolves.toBe('first');
  });
});

describe('recover', () => {
  const thrownBy = async (thrown: unknown): Promise<unknown> =>
    recover()(job, async () => Promise.reject(thrown)).catch((error: unknown) => error);

  it.each([
    ['a text', 'plain', /plain/],
    ['undefined', undefined, /undefined/],
    ['a symbol', Symbol('s'), /Symbol\(s\)/],
    ['an object that cannot be text', Object.create(null), /object/],
  ])('makes an error of %s, with the value as its cause', async (_what, thrown, message) => {
    const error = await thrownBy(thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ message: expect.stringMatching(message) as string, cause: thrown });
  });

  it('leaves errors, control outcomes and results as they are', async () => {
    const error = new RangeError('x');
    const snooze = new Snooze(5);
    expect(await thrownBy(error)).toBe(error);
    expect(await thrownBy(snooze)).toBe(snooze);
    await expect(recover()(job, async () => 'result')).resolves.toBe('result');
  });

  it('catches what is thrown at once', async () => {
    await expect(
      recover()(job, () => {
        throw 'at once';
      }),
    ).rejects.toThrow(/not an Error: at once/);
  });
});

describe('timeout', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('rejects when the rest takes too long, and drops what comes later', async () => {
    const late = deferred<unknown>();
    const outcome = expect(timeout('1s')(job, () => late.promise)).rejects.toThrow(JobTimeoutError);
    await vi.advanceTimersByTimeAsync(1_000);
    await outcome;
    late.reject(new Error('too late to matter'));
    await vi.advanceTimersByTimeAsync(0);
  });

  it('leaves a result in time, and no timer', async () => {
    await expect(timeout('1s')(job, async () => 42)).resolves.toBe(42);
    await expect(timeout('1s')(job, async () => Promise.reject(new Error('own')))).rejects.toThrow('own');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps a limit that is longer than Node can time', async () => {
    const gate = deferred<string>();
    const result = timeout('60d')(job, () => gate.promise);
    await vi.advanceTimersByTimeAsync(86_400_000);
    gate.resolve('in time');
    await expect(result).resolves.toBe('in time');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('refuses what is no duration when it is made', () => {
    expect(() => timeout('soon' as never)).toThrow(/"timeout".*"soon"/);
  });
});

describe('logging', () => {
  function setup() {
    const lines: string[] = [];
    const to = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
    return { lines, middleware: logging({ debug: to('debug'), log: to('log'), warn: to('warn'), error: to('error') }) };
  }

  it('writes when a job starts and completes, without its payload', async () => {
    const { lines, middleware } = setup();
    job.payload = 'secret';
    await expect(middleware(job, async () => 42)).resolves.toBe(42);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe(`debug job ${job.id} "send-email" attempt 1 started`);
    expect(lines[1]).toMatch(/completed in \d+ ms/);
    expect(lines.join()).not.toContain('secret');
  });

  it('writes what a job failed with, and passes it on', async () => {
    const { lines, middleware } = setup();
    await expect(middleware(job, async () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(lines[1]).toMatch(/^warn .* failed after \d+ ms: Error: broken/);
  });

  it('does not call a control outcome a failure', async () => {
    const { lines, middleware } = setup();
    await expect(middleware(job, async () => Promise.reject(new Snooze(5)))).rejects.toThrow(Snooze);
    expect(lines[1]).toMatch(/ ended after /);
  });
});

describe('scope', () => {
  it("runs the rest in the job's scope", async () => {
    const scoped = runningJob({ scopeAppId: 'app', scopeOrgId: 'a' });
    await expect(restoreScope()(scoped, async () => scope.capture())).resolves.toEqual({ appId: 'app', orgId: 'a' });
    await expect(restoreScope()(job, async () => scope.capture())).resolves.toBeUndefined();
  });
});
