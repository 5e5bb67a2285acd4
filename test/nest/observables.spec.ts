import 'reflect-metadata';
import { type CallHandler, type ExecutionContext, type NestInterceptor, UseInterceptors } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { NEVER, Observable, concat, finalize, map, of, throwError } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { Job } from '../../lib/index.js';
import { until } from '../support/until.js';
import { boot } from './support/app.js';

class Stamp implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((value: unknown) => `stamped ${String(value)}`));
  }
}

/** Emits once and never completes. */
function endless(events: string[]): Observable<number> {
  return new Observable<number>((subscriber) => {
    events.push('subscribed');
    subscriber.next(1);
    return () => events.push('unsubscribed');
  });
}

describe('handlers that return Observables', () => {
  it('complete with the last value, also through interceptors, and fail with the error', async () => {
    class Streams {
      @Job('numbers')
      numbers(): Observable<number> {
        return of(1, 2, 3);
      }
      @UseInterceptors(Stamp)
      @Job('stamped')
      async stamped(): Promise<Observable<number>> {
        return of(1, 2);
      }
      @Job('broken', { maxRetries: 0 })
      broken(): Observable<number> {
        return concat(
          of(1),
          throwError(() => new RangeError('out of numbers')),
        );
      }
    }
    const { run } = await boot({ providers: [Streams] });
    expect((await run('numbers')).result).toBe(3);
    expect((await run('stamped')).result).toBe('stamped 2');
    expect(await run('broken')).toMatchObject({ state: 'failed', errors: [{ name: 'RangeError' }] });
  });

  it('are unsubscribed from when their job is cancelled or takes too long', async () => {
    const events: string[] = [];
    class Streams {
      @Job('cancelled')
      cancelled(): Observable<number> {
        return endless(events);
      }
      @UseInterceptors(Stamp)
      @Job('late', { timeout: 20, maxRetries: 0 })
      late(): Observable<number> {
        return endless(events);
      }
    }
    // A grace that is longer than the test: only unsubscribing ends the attempts.
    const { dispatch, ended, run } = await boot({ providers: [Streams] }, { abortGrace: '10m' });
    const job = await dispatch.enqueue('cancelled');
    await until('it is subscribed to', () => events.length === 1);
    await dispatch.jobs.cancel(job.id);
    expect((await ended(job)).state).toBe('cancelled');
    expect(events).toEqual(['subscribed', 'unsubscribed']);
    expect(await run('late')).toMatchObject({ state: 'failed', errors: [{ code: 'JOB_TIMEOUT' }] });
    expect(events).toEqual(['subscribed', 'unsubscribed', 'subscribed', 'unsubscribed']);
  });

  it('are unsubscribed from at once when the signal fired before', async () => {
    const events: string[] = [];
    class Streams {
      @Job('cancelled')
      async cancelled(_payload: unknown, { signal }: { readonly signal: AbortSignal }): Promise<Observable<number>> {
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        return concat(endless(events), NEVER);
      }
    }
    const { dispatch, ended } = await boot({ providers: [Streams] }, { abortGrace: '10m' });
    const job = await dispatch.enqueue('cancelled');
    await until('it runs', async () => (await dispatch.jobs.get(job.id))?.state === 'running');
    await dispatch.jobs.cancel(job.id);
    expect((await ended(job)).state).toBe('cancelled');
    expect(events).toEqual(['subscribed', 'unsubscribed']);
  });
});

describe('interceptors whose Observable never ends', () => {
  class Endless implements NestInterceptor {
    static readonly events: string[] = [];
    intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
      return concat(next.handle(), endless(Endless.events));
    }
  }
  class Handlers {
    @UseInterceptors(Endless)
    @Job('endless', { timeout: 20, maxRetries: 0 })
    endless(): string {
      return 'done';
    }
    @UseInterceptors(Endless)
    @Job('cancelled')
    cancelled(): string {
      return 'done';
    }
  }

  afterEach(() => void Endless.events.splice(0));

  it('are unsubscribed from when the attempt is given up, and those around hear of an error', async () => {
    const heard: unknown[] = [];
    const { run } = await boot(
      { providers: [Handlers] },
      {
        abortGrace: 20,
        middleware: [
          (_job, next) =>
            next().then(
              () => heard.push('success'),
              (error: unknown) => heard.push(error),
            ),
        ],
      },
    );
    expect(await run('endless')).toMatchObject({ state: 'failed', errors: [{ code: 'JOB_TIMEOUT' }] });
    expect(Endless.events).toEqual(['subscribed', 'unsubscribed']);
    await until('the middleware hears of it', () => heard.length > 0);
    expect(heard).toMatchObject([{ code: 'JOB_TIMEOUT' }]);
  });

  it('are unsubscribed from when the job is cancelled', async () => {
    const { dispatch, ended } = await boot({ providers: [Handlers] }, { abortGrace: 20 });
    const job = await dispatch.enqueue('cancelled');
    await until('it is subscribed to', () => Endless.events.length === 1);
    await dispatch.jobs.cancel(job.id);
    expect((await ended(job)).state).toBe('cancelled');
    expect(Endless.events).toEqual(['subscribed', 'unsubscribed']);
  });

  it('are unsubscribed from when they are of the whole application', async () => {
    class Plain {
      @Job('plain', { timeout: 20, maxRetries: 0 })
      plain(): string {
        return 'done';
      }
    }
    const providers = [Plain, { provide: APP_INTERCEPTOR, useClass: Endless }];
    const { run } = await boot({ providers }, { abortGrace: 20, useGlobalEnhancers: true });
    expect(await run('plain')).toMatchObject({ state: 'failed', errors: [{ code: 'JOB_TIMEOUT' }] });
    expect(Endless.events).toEqual(['subscribed', 'unsubscribed']);
  });

  it('leave a handler the grace to end by itself', async () => {
    const events: string[] = [];
    class Leaves implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
        return next.handle().pipe(finalize(() => events.push('left')));
      }
    }
    class Slow {
      @UseInterceptors(Leaves)
      @Job('slow')
      async slow(_payload: unknown, { signal }: { readonly signal: AbortSignal }): Promise<void> {
        events.push('begun');
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        await new Promise((resolve) => setImmediate(resolve));
        events.push('ended');
        throw signal.reason;
      }
    }
    const { dispatch, ended } = await boot({ providers: [Slow] }, { abortGrace: '10m' });
    const job = await dispatch.enqueue('slow');
    await until('it runs', () => events.length === 1);
    await dispatch.jobs.cancel(job.id);
    expect((await ended(job)).state).toBe('cancelled');
    expect(events).toEqual(['begun', 'ended', 'left']);
  });
});
