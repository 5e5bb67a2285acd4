import 'reflect-metadata';
import {
  BadRequestException,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  ParseIntPipe,
  type PipeTransform,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
  createParamDecorator,
} from '@nestjs/common';

import { IsInt } from 'class-validator';
import { type Observable, catchError, map, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { CancelJob, Ctx, Job, type JobContext, Payload } from '../../lib/index.js';

import { boot } from './support/app.js';

describe('interceptors', () => {
  class Wrap implements NestInterceptor {
    intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
      return next.handle().pipe(map((result) => ({ wrapped: result as unknown })));
    }
  }
  class Swallow implements NestInterceptor {
    intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
      return next.handle().pipe(catchError(() => of('fallback')));
    }
  }

  it('on class and method may change the result', async () => {
    @UseInterceptors(Wrap)
    class Service {
      @UseInterceptors(Wrap)
      @Job('wrap')
      async run(@Payload() payload: unknown): Promise<unknown> {
        return payload;
      }
    }
    const { run } = await boot({ providers: [Service] });
    expect((await run('wrap', 1)).result).toEqual({ wrapped: { wrapped: 1 } });
  });

  it('may turn an error into a result, but not a control outcome', async () => {
    @UseInterceptors(Swallow)
    class Service {
      @Job('error')
      error(): void {
        throw new Error('swallowed');
      }
      @Job('cancel')
      cancel(): void {
        throw new CancelJob('enough');
      }
    }
    const { run } = await boot({ providers: [Service] });
    expect(await run('error')).toMatchObject({ state: 'completed', result: 'fallback' });
    expect(await run('cancel')).toMatchObject({ state: 'cancelled' });
  });
});

describe('pipes', () => {
  class Upper implements PipeTransform<string, string> {
    transform(value: string): string {
      return value.toUpperCase();
    }
  }
  class Amount {
    @IsInt()
    cents!: number;
  }

  it('on parameters transform payload fields; what they refuse is not tried again', async () => {
    class Service {
      @Job('parse')
      run(@Ctx() job: JobContext, @Payload('id', ParseIntPipe) id: number): unknown {
        return [job.name, id];
      }
    }
    const { run } = await boot({ providers: [Service] });
    expect((await run('parse', { id: '42' })).result).toEqual(['parse', 42]);
    const refused = await run('parse', { id: 'x' });
    expect(refused).toMatchObject({ state: 'failed', attempt: 1 });
    expect(refused.errors[0]).toMatchObject({
      code: 'JOB_REJECTED',
      details: { statusCode: 400, message: 'Validation failed (numeric string is expected)' },
    });
  });

  it('on the method see the payload and never the context, named or by position', async () => {
    class Service {
      @UsePipes(Upper)
      @Job('by-position')
      byPosition(text: string, job: JobContext): unknown {
        return [text, job.name];
      }
      @UsePipes(Upper)
      @Job('named')
      named(@Ctx() job: JobContext, @Payload('text') text: string): unknown {
        return [text, job.name];
      }
      @UsePipes(Upper)
      @Job('context-only')
      contextOnly(@Ctx() job: JobContext): unknown {
        return job.name;
      }
    }
    const { run } = await boot({ providers: [Service] });
    expect((await run('by-position', 'hi')).result).toEqual(['HI', 'by-position']);
    expect((await run('named', { text: 'hi' })).result).toEqual(['HI', 'named']);
    expect((await run('context-only')).result).toBe('context-only');
  });

  it('include ValidationPipe, which sees the payload as a body', async () => {
    class Service {
      @UsePipes(new ValidationPipe({ transform: true, whitelist: true }))
      @Job('validated', { payload: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } } })
      run(@Payload() amount: Amount, @Ctx() job: JobContext): unknown {
        return [amount instanceof Amount, Object.keys(amount), job.name];
      }
    }
    const { run } = await boot({ providers: [Service] });
    expect((await run('validated', { cents: 1, more: 2 })).result).toEqual([true, ['cents'], 'validated']);
    expect((await run('validated', { cents: 'x' })).errors[0]).toMatchObject({
      code: 'JOB_REJECTED',
      details: { message: ['cents must be an integer number'] },
    });
  });

  it('leave room for parameter decorators of the application', async () => {
    const Tenant = createParamDecorator((key: string, context: ExecutionContext) => {
      const job = context.switchToRpc().getContext<JobContext>();
      return `${key}:${job.headers['tenant']}:${context.getType<string>()}`;
    });
    class Service {
      @Job('tenant')
      run(@Payload() payload: unknown, @Tenant('t', Upper) tenant: string, @Ctx() job: JobContext): unknown {
        return [payload, tenant, job.name];
      }
    }
    const { dispatch, ended } = await boot({ providers: [Service] });
    const job = await dispatch.enqueue('tenant', 1, { headers: { tenant: 'acme' } });
    expect((await ended(job)).result).toEqual([1, 'T:ACME:DISPATCH', 'tenant']);
  });

  it('that throw something else than 4xx are tried again', async () => {
    let tries = 0;
    class Lookup implements PipeTransform {
      transform(value: unknown): unknown {
        tries += 1;
        if (tries === 1) throw new Error('no connection');
        return value;
      }
    }
    class Service {
      @Job('lookup')
      run(@Payload(Lookup) payload: unknown, job: JobContext): unknown {
        if (tries === 2) throw new BadRequestException('from the bank');
        return [payload, job];
      }
    }
    const { run } = await boot({ providers: [Service] });
    expect(await run('lookup', 1)).toMatchObject({ state: 'completed', attempt: 3, result: [1, null] });
  });
});
