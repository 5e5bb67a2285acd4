import 'reflect-metadata';
import {
  type ArgumentsHost,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { CancelJob, Job, type JobContext, NonRetryableError, Snooze } from '../../lib/index.js';
import { until } from '../support/until.js';
import { boot } from './support/app.js';

describe('filters', () => {
  const seen: string[] = [];

  @Catch()
  class Observe implements ExceptionFilter {
    catch(exception: Error, host: ArgumentsHost): string {
      const { name } = host.switchToRpc().getContext<JobContext>();
      seen.push(`${name} ${host.getType<string>()} ${exception.message}`);
      return 'a response';
    }
  }
  @Catch()
  class ObserveLater implements ExceptionFilter {
    async catch(): Promise<string> {
      await Promise.resolve();
      return 'a response';
    }
  }
  @Catch(RangeError)
  class Replace implements ExceptionFilter {
    async catch(exception: RangeError): Promise<never> {
      await Promise.resolve();
      throw new NonRetryableError('replaced', { cause: exception });
    }
  }

  it('observe errors and never make a success of them, whether they return now or later', async () => {
    seen.length = 0;
    class Service {
      @UseFilters(Observe)
      @Job('now', { maxRetries: 0 })
      now(): void {
        throw new Error('lost now');
      }
      @UseFilters(ObserveLater)
      @Job('later', { maxRetries: 0 })
      async later(): Promise<void> {
        throw new Error('lost later');
      }
    }
    const { run } = await boot({ providers: [Service] });
    expect(await run('now')).toMatchObject({ state: 'failed', errors: [{ message: 'lost now' }] });
    expect(await run('later')).toMatchObject({ state: 'failed', errors: [{ message: 'lost later' }] });
    expect(seen).toEqual(['now dispatch lost now']);
  });

  it('may answer by an Observable, as those of message handlers do, which replaces the error when it fails', async () => {
    @Catch()
    class Throw implements ExceptionFilter {
      catch() {
        return throwError(() => new NonRetryableError('replaced'));
      }
    }
    @Catch()
    class Answer implements ExceptionFilter {
      catch() {
        return of('a response');
      }
    }
    class Service {
      @UseFilters(Throw)
      @Job('replaced')
      replaced(): void {
        throw new Error('the first');
      }
      @UseFilters(Answer)
      @Job('answered', { maxRetries: 0 })
      answered(): void {
        throw new Error('lost');
      }
    }
    const { run } = await boot({ providers: [Service] });
    expect(await run('replaced')).toMatchObject({ state: 'failed', attempt: 1, errors: [{ message: 'replaced' }] });
    expect(await run('answered')).toMatchObject({ state: 'failed', errors: [{ message: 'lost' }] });
  });

  it('may replace an error, if they are for it', async () => {
    class Service {
      @UseFilters(Replace)
      @Job('range')
      range(): void {
        throw new RangeError('original');
      }
      @UseFilters(Replace)
      @Job('other', { maxRetries: 0 })
      other(): void {
        throw new TypeError('not for it');
      }
    }
    const { run } = await boot({ providers: [Service] });
    expect(await run('range')).toMatchObject({
      state: 'failed',
      attempt: 1,
      errors: [{ message: 'replaced', cause: { message: 'original' } }],
    });
    expect(await run('other')).toMatchObject({ errors: [{ name: 'TypeError', message: 'not for it' }] });
  });

  it('see what a guard denied, which stays denied', async () => {
    seen.length = 0;
    class No implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    class Service {
      @UseGuards(No)
      @UseFilters(Observe)
      @Job('denied')
      run(): void {}
    }
    const { run } = await boot({ providers: [Service] });
    expect(await run('denied')).toMatchObject({ state: 'failed', attempt: 1, errors: [{ code: 'JOB_REJECTED' }] });
    expect(seen).toEqual(['denied dispatch Forbidden resource']);
  });

  it('do not see control outcomes', async () => {
    seen.length = 0;
    @UseFilters(Observe)
    class Service {
      @Job('snooze')
      snooze(): void {
        throw new Snooze('1h');
      }
      @Job('cancel')
      cancel(): void {
        throw new CancelJob('enough');
      }
      @Job('final')
      final(): void {
        throw new NonRetryableError('no use');
      }
    }
    const { run, dispatch } = await boot({ providers: [Service] });
    expect(await run('cancel')).toMatchObject({ state: 'cancelled' });
    expect(await run('final')).toMatchObject({ state: 'failed', attempt: 1, errors: [{ message: 'no use' }] });
    const { id } = await dispatch.enqueue('snooze');
    await until('the job is snoozed', async () => {
      const job = await dispatch.jobs.get(id);
      return job?.state === 'pending' && job.attempt === 1 && job.runAt.getTime() > Date.now() + 3_000_000;
    });
    expect(seen).toEqual([]);
  });

  it('of the whole application apply only where the module says so', async () => {
    class Service {
      @Job('failing', { maxRetries: 0 })
      run(): void {
        throw new RangeError('original');
      }
    }
    const metadata = { providers: [Service, { provide: APP_FILTER, useClass: Replace }] };
    const without = await boot(metadata);
    expect((await without.run('failing')).errors[0]?.message).toBe('original');
    const withThem = await boot(metadata, { useGlobalEnhancers: true });
    expect((await withThem.run('failing')).errors[0]?.message).toBe('replaced');
  });
});
