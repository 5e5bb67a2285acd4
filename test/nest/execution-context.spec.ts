import 'reflect-metadata';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { Observable } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { DISPATCH_CONTEXT, DispatchExecutionContext, Job, isDispatchContext } from '../../lib/index.js';
import { boot } from './support/app.js';

const seen: unknown[] = [];

function look(who: string, host: ArgumentsHost): void {
  const context = DispatchExecutionContext.create(host);
  const { name, attempt } = context.getJob();
  seen.push([
    who,
    context.getType(),
    context.getPayload(),
    name,
    attempt,
    context.getClass()?.name,
    context.getHandler()?.name,
  ]);
}

class Guard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    look('guard', context);
    return true;
  }
}
class Interceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    look('interceptor', context);
    return next.handle();
  }
}
@Catch()
class Filter implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    look('filter', host);
  }
}

beforeEach(() => {
  seen.length = 0;
});

describe('DispatchExecutionContext', () => {
  it('gives guards, interceptors and filters, on the class as well, the payload, the job and the handler', async () => {
    @UseGuards(Guard)
    @UseInterceptors(Interceptor)
    @UseFilters(Filter)
    class Service {
      @Job('fail', { maxRetries: 0 })
      fail(): void {
        throw new Error('it broke');
      }
    }
    const { run } = await boot({ providers: [Service] });
    await run('fail', { to: 'Ada' });
    expect(seen).toEqual([
      ['guard', 'dispatch', { to: 'Ada' }, 'fail', 1, 'Service', 'fail'],
      ['interceptor', 'dispatch', { to: 'Ada' }, 'fail', 1, 'Service', 'fail'],
      ['filter', 'dispatch', { to: 'Ada' }, 'fail', 1, undefined, undefined],
    ]);
  });

  it('is refused for a request, which isDispatchContext tells from a job', () => {
    const request = new ExecutionContextHost([]);
    expect(isDispatchContext(request)).toBe(false);
    expect(() => DispatchExecutionContext.create(request)).toThrow('was given a context of type "http"');
    const job = new ExecutionContextHost([1]);
    job.setType(DISPATCH_CONTEXT);
    expect(isDispatchContext(job)).toBe(true);
    expect(DispatchExecutionContext.create(job).getPayload()).toBe(1);
  });
});
