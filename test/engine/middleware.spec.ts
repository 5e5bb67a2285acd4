import { expect, it } from 'vitest';
import type { Middleware } from '../../lib/middleware/middleware.js';
import { NonRetryableError, Snooze } from '../../lib/job/control-outcomes.js';
import { scope } from '../../lib/scope/scope.js';
import { describeOnEachStore } from '../support/each-store.js';
import { AT_ONCE, reached } from '../support/job-states.js';

describeOnEachStore('middleware', (given) => {
  it('wraps the handler, the first outermost', async () => {
    const order: string[] = [];
    const noting =
      (name: string): Middleware =>
      async (job, next) => {
        order.push(`${name} in ${job.name}`);
        const result = await next();
        order.push(`${name} out ${String(result)}`);
        return result;
      };
    const engine = given().engine({ middleware: [noting('outer'), noting('inner')] });
    engine.register('greet', () => {
      order.push('handler');
      return 'done';
    });
    await engine.start();
    await reached(engine, (await engine.enqueue('greet')).id, 'completed');
    expect(order).toEqual(['outer in greet', 'inner in greet', 'handler', 'inner out done', 'outer out done']);
  });

  it('may replace the result, leave the handler out, and turn an error into a result', async () => {
    const middleware: Middleware = async (job, next) => {
      if (job.name === 'skipped') return 'not run';
      if (job.name === 'saved') return next().catch(() => 'saved');
      return { wrapped: await next() };
    };
    let skipped = true;
    const engine = given().engine({ middleware: [middleware] });
    engine.register('wrapped', () => 'result');
    engine.register('skipped', () => void (skipped = false));
    engine.register('saved', () => {
      throw new Error('no');
    });
    await engine.start();
    const jobs = await engine.enqueueMany(['wrapped', 'skipped', 'saved'].map((job) => ({ job })));
    expect((await reached(engine, jobs[0]!.id, 'completed')).result).toEqual({ wrapped: 'result' });
    expect((await reached(engine, jobs[1]!.id, 'completed')).result).toBe('not run');
    expect((await reached(engine, jobs[2]!.id, 'completed')).result).toBe('saved');
    expect(skipped).toBe(true);
  });

  it('may steer by what it throws', async () => {
    const middleware: Middleware = async (job, next) => {
      if (job.attempt === 1) throw new Snooze(0);
      if (job.attempt === 2) throw new Error('once more');
      if (job.payload === 'never') throw new NonRetryableError('no use');
      return next();
    };
    const engine = given().engine({ middleware: [middleware], backoff: AT_ONCE });
    engine.register('greet', () => 'done');
    await engine.start();
    const [good, bad] = await engine.enqueueMany([{ job: 'greet' }, { job: 'greet', input: 'never' }]);
    expect(await reached(engine, good!.id, 'completed')).toMatchObject({ attempt: 3, retryCount: 1 });
    expect(await reached(engine, bad!.id, 'failed')).toMatchObject({ attempt: 3, retryCount: 2 });
  });

  it('sees the scope of the job, its decoded payload and its signal', async () => {
    const seen: unknown[] = [];
    const engine = given().engine({
      middleware: [
        (job, next) => {
          seen.push(scope.capture(), job.payload, job.signal.aborted);
          return next();
        },
      ],
    });
    engine.register('greet', () => 'done');
    await engine.start();
    const tenant = { appId: 'shop', orgId: 'red' };
    await reached(engine, (await engine.enqueue('greet', { name: 'Ada' }, { scope: tenant })).id, 'completed');
    expect(seen).toEqual([tenant, { name: 'Ada' }, false]);
  });

  it('that calls next twice fails the attempt, and the handler ran once', async () => {
    let runs = 0;
    const engine = given().engine({
      maxRetries: 0,
      middleware: [
        async (_, next) => {
          await next();
          return next();
        },
      ],
    });
    engine.register('greet', () => void (runs += 1));
    await engine.start();
    const { id } = await engine.enqueue('greet');
    expect((await reached(engine, id, 'failed')).errors[0]!.message).toContain('next() was called twice');
    expect(runs).toBe(1);
  });
});
