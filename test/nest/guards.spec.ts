import 'reflect-metadata';
import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Injectable,
  SetMetadata,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';

import { describe, expect, it } from 'vitest';
import { Job, type JobContext, isDispatchContext } from '../../lib/index.js';

import { boot, compile } from './support/app.js';

@Injectable()
class Allowed {
  readonly tenants = ['acme'];
}

@Injectable()
class TenantGuard implements CanActivate {
  constructor(
    private readonly allowed: Allowed,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const { tenant } = context.switchToRpc().getData<{ tenant: string }>();
    const job = context.switchToRpc().getContext<JobContext>();
    const named = context.getHandler().name === 'guarded' && context.getClass() === Guarded && job.name === 'guarded';
    const marked = this.reflector.getAllAndOverride<boolean>('marked', [context.getHandler(), context.getClass()]);
    return isDispatchContext(context) && named && marked && this.allowed.tenants.includes(tenant);
  }
}

class Guarded {
  calls = 0;

  @SetMetadata('marked', true)
  @UseGuards(TenantGuard)
  @Job('guarded')
  guarded(): string {
    this.calls += 1;
    return 'done';
  }
}

describe('guards', () => {
  it('let jobs pass, with their dependencies, the payload, the context and the metadata of the method', async () => {
    const { run } = await boot({ providers: [Allowed, Guarded] });
    expect(await run('guarded', { tenant: 'acme' })).toMatchObject({ state: 'completed', result: 'done' });
  });

  it('that deny a job send it to the dead-letter queue without calling its handler or trying again', async () => {
    const { run, app, dispatch } = await boot({ providers: [Allowed, Guarded] });
    const job = await run('guarded', { tenant: 'other' });
    expect(job).toMatchObject({ state: 'failed', attempt: 1 });
    expect(job.errors[0]).toMatchObject({
      name: 'JobRejectedError',
      code: 'JOB_REJECTED',
      message: 'Guarded.guarded was not called: Forbidden resource',
      cause: { name: 'ForbiddenException' },
    });
    expect(await dispatch.dlq.count()).toBe(1);
    expect(app.get(Guarded).calls).toBe(0);
  });

  it('that fail for another reason are tried again, and so is a handler that throws Forbidden itself', async () => {
    let tries = 0;
    @Injectable()
    class Flaky implements CanActivate {
      canActivate(): boolean {
        tries += 1;
        if (tries === 1) throw new Error('no connection');
        return true;
      }
    }
    class Service {
      @UseGuards(Flaky)
      @Job('flaky')
      run(_payload: unknown, job: JobContext): string {
        if (job.attempt === 2) throw new ForbiddenException('from the bank');
        return 'done';
      }
    }
    const { run } = await boot({ providers: [Service] });
    const job = await run('flaky');
    expect(job).toMatchObject({ state: 'completed', attempt: 3 });
    expect(job.errors.map(({ message }) => message)).toEqual(['no connection', 'from the bank']);
  });

  it('that Nest would leave out, as a factory makes the provider, keep the application from booting', async () => {
    const { app } = await compile({
      providers: [{ provide: 'MADE', useFactory: () => new Guarded() }],
    });
    await expect(app.init()).rejects.toThrow('Guarded.guarded would run without TenantGuard');
    const byToken = await boot({ providers: [Allowed, { provide: 'TOKEN', useClass: Guarded }] });
    expect((await byToken.run('guarded', { tenant: 'other' })).errors[0]?.code).toBe('JOB_REJECTED');
  });

  it('of the whole application do not apply to jobs, unless the module says so', async () => {
    class DenyAll implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    class Service {
      @Job('open')
      run(): string {
        return 'done';
      }
      @UseGuards(
        class Yes implements CanActivate {
          canActivate(): boolean {
            return true;
          }
        },
      )
      @Job('guarded')
      other(): string {
        return 'done';
      }
    }
    const metadata = { providers: [Service, { provide: APP_GUARD, useClass: DenyAll }] };
    const unguarded = await boot(metadata);
    expect((await unguarded.run('open')).state).toBe('completed');
    expect((await unguarded.run('guarded')).state).toBe('completed');
    const guarded = await boot(metadata, { useGlobalEnhancers: true });
    expect((await guarded.run('open')).errors[0]).toMatchObject({ code: 'JOB_REJECTED' });
    expect((await guarded.run('guarded')).errors[0]).toMatchObject({ code: 'JOB_REJECTED' });
  });
});
