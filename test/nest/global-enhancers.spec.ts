import 'reflect-metadata';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  type PipeTransform,
  Scope,
  UnauthorizedException,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { type Observable, map, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Job, type JobContext, isDispatchContext } from '../../lib/index.js';
import { boot, compile } from './support/app.js';

class Echo {
  @Job('echo', { maxRetries: 0 })
  echo(payload: unknown): unknown {
    return payload;
  }

  @Job('failing', { maxRetries: 0 })
  failing(): void {
    throw new Error('the original error');
  }
}

/** Reads a token from a request, as guards made for HTTP do. */
@Injectable()
class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    return request.headers['authorization'] === 'secret';
  }
}

class Double implements PipeTransform<number, number> {
  transform(value: number): number {
    return value * 2;
  }
}

class Wrap implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const kind = isDispatchContext(context) ? 'job' : 'request';
    return next.handle().pipe(map((result: unknown) => ({ [kind]: result })));
  }
}

const guard = { provide: APP_GUARD, useClass: TokenGuard };
const pipe = { provide: APP_PIPE, useClass: Double };
const interceptor = { provide: APP_INTERCEPTOR, useClass: Wrap };

describe('what is registered for the whole application', () => {
  it('has nothing to do with jobs by default, whose handlers are called directly', async () => {
    const { run } = await boot({ providers: [Echo, guard, pipe, interceptor] });
    expect((await run('echo', 1)).result).toBe(1);
  });

  it('applies by kind', async () => {
    const providers = [Echo, guard, pipe, interceptor];
    const pipes = await boot({ providers }, { useGlobalEnhancers: ['pipes'] });
    expect((await pipes.run('echo', 1)).result).toBe(2);
    const both = await boot({ providers }, { useGlobalEnhancers: ['interceptors', 'pipes'] });
    expect((await both.run('echo', 1)).result).toEqual({ job: 2 });
    const none = await boot({ providers }, { useGlobalEnhancers: [] });
    expect((await none.run('echo', 1)).result).toBe(1);
  });

  it('includes what is registered by useGlobalPipes before the application starts', async () => {
    const { app, run } = await compile({ providers: [Echo] }, { useGlobalEnhancers: true });
    app.createNestApplication().useGlobalPipes(new Double());
    await app.init();
    expect((await run('echo', 2)).result).toBe(4);
  });

  it('refuses a kind that does not exist', async () => {
    for (const useGlobalEnhancers of [['guard'], 'pipes'] as never[])
      await expect(compile({}, { useGlobalEnhancers })).rejects.toThrow(
        '"useGlobalEnhancers" must be true, false or a list of',
      );
  });
});

describe('a global guard that is written for HTTP', () => {
  it('fails the attempt with an error that says so, and never takes the payload for a request', async () => {
    const { run } = await boot({ providers: [Echo, guard] }, { useGlobalEnhancers: true });
    const job = await run('echo', { headers: { authorization: 'secret' } });
    expect(job).toMatchObject({ state: 'failed', errors: [{ name: 'GlobalEnhancerError', code: 'GLOBAL_ENHANCER' }] });
    expect(job.errors[0]?.message).toBe(
      "the global guard TokenGuard asked for the HTTP request of job \"echo\", which has none. If it is meant for HTTP requests, let it ask isDispatchContext(context) first, or leave guards out: useGlobalEnhancers: ['pipes', 'interceptors', 'filters'].",
    );
  });

  it('is named where it trips over something else', async () => {
    class Careless implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        return context.getArgs<[{ user: { admin: boolean } }]>()[0].user.admin;
      }
    }
    const { run } = await boot(
      { providers: [Echo, { provide: APP_GUARD, useClass: Careless }] },
      { useGlobalEnhancers: ['guards'] },
    );
    const [error] = (await run('echo', {})).errors;
    expect(error?.message).toMatch(/^the global guard Careless failed for job "echo": TypeError: .*isDispatchContext/);
    expect(error?.cause?.name).toBe('TypeError');
  });

  it.each<[string, CanActivate['canActivate']]>([
    ['denies', () => false],
    ['denies later', async () => false],
    ['denies by an Observable', () => of(true, false)],
    [
      'throws a denial',
      (): never => {
        throw new UnauthorizedException();
      },
    ],
  ])('is named where it %s', async (_, canActivate) => {
    class DenyAll implements CanActivate {
      canActivate = canActivate;
    }
    const { run } = await boot(
      { providers: [Echo, { provide: APP_GUARD, useClass: DenyAll }] },
      { useGlobalEnhancers: true },
    );
    const job = await run('echo', 1);
    expect(job).toMatchObject({ state: 'failed', attempt: 1, errors: [{ code: 'JOB_REJECTED' }] });
    expect(job.errors[0]?.message).toMatch(
      /^Echo.echo was not called, as the global guard DenyAll denied it: .*isDispatchContext\(context\)/,
    );
  });

  it('lets jobs pass when it asks what it is called for', async () => {
    class Careful extends TokenGuard {
      override canActivate(context: ExecutionContext): boolean {
        return isDispatchContext(context) || super.canActivate(context);
      }
    }
    const { run } = await boot(
      { providers: [Echo, { provide: APP_GUARD, useClass: Careful }] },
      { useGlobalEnhancers: true },
    );
    expect((await run('echo', 1)).result).toBe(1);
  });

  it('keeps the application from booting when it is made per request, as it would be left out', async () => {
    const scoped = { ...guard, scope: Scope.REQUEST };
    const { app } = await compile({ providers: [Echo, scoped] }, { useGlobalEnhancers: true });
    await expect(app.init()).rejects.toThrow('"useGlobalEnhancers" cannot apply TokenGuard to jobs');
    const { run } = await boot({ providers: [Echo, scoped, pipe] }, { useGlobalEnhancers: ['pipes'] });
    expect((await run('echo', 1)).result).toBe(2);
  });
});

describe('a global filter that is written for HTTP', () => {
  @Catch()
  class Responding implements ExceptionFilter {
    catch(_error: Error, host: ArgumentsHost): void {
      host.switchToHttp().getResponse<{ status(code: number): void }>().status(500);
    }
  }

  it('does not put its own trouble in the place of the error', async () => {
    const { run, log } = await boot(
      { providers: [Echo, { provide: APP_FILTER, useClass: Responding }] },
      { useGlobalEnhancers: true },
    );
    expect((await run('failing')).errors).toMatchObject([{ message: 'the original error' }]);
    expect(log.lines).toContainEqual(
      expect.stringMatching(/^warn the global filter Responding asked for the HTTP request of job "failing"/),
    );
  });

  it('sees only the errors that it catches', async () => {
    const seen: string[] = [];
    @Catch(TypeError)
    class OfTypes implements ExceptionFilter {
      catch(error: Error, host: ArgumentsHost): void {
        seen.push(`${host.switchToRpc().getContext<JobContext>().name} ${error.message}`);
      }
    }
    class Service {
      @Job('type', { maxRetries: 0 })
      type(): void {
        throw new TypeError('wrong type');
      }
    }
    const { run } = await boot(
      { providers: [Echo, Service, { provide: APP_FILTER, useClass: OfTypes }] },
      { useGlobalEnhancers: ['filters'] },
    );
    await run('failing');
    await run('type');
    expect(seen).toEqual(['type wrong type']);
  });
});
