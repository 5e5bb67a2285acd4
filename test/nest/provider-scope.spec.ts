import 'reflect-metadata';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Inject,
  Injectable,
  Module,
  ParseIntPipe,
  Scope,
  UseGuards,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { Ctx, InjectJob, Job, type JobContext, Payload } from '../../lib/index.js';
import { boot } from './support/app.js';

let made = 0;

@Injectable({ scope: Scope.REQUEST })
class PerJob {
  readonly number = (made += 1);
  constructor(@Inject(REQUEST) readonly job: JobContext) {}
}

describe('providers that are made per request', () => {
  it('are made once per job, with the job as REQUEST, all the way up', async () => {
    @Injectable()
    class Handler {
      constructor(private readonly perJob: PerJob) {}
      @Job('count')
      count(@Payload('n', ParseIntPipe) n: number, @Ctx() job: JobContext): unknown {
        return { n, number: this.perJob.number, same: this.perJob.job === job };
      }
    }
    made = 0;
    const { run } = await boot({ providers: [PerJob, Handler] });
    const results = [await run('count', { n: '7' }), await run('count', { n: '8' })].map(({ result }) => result);
    expect(results).toEqual([
      { n: 7, number: 1, same: true },
      { n: 8, number: 2, same: true },
    ]);
  });

  it('may have the job injected by @InjectJob, into constructors and properties', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Handler {
      @InjectJob() readonly property!: JobContext;
      constructor(@InjectJob() private readonly job: JobContext) {}
      @Job('injected')
      run(_payload: unknown, job: JobContext): unknown {
        return [this.job === job, this.property === job];
      }
    }
    const { run } = await boot({ providers: [Handler] });
    expect((await run('injected')).result).toEqual([true, true]);
  });

  it('may be controllers', async () => {
    @Controller({ path: 'x', scope: Scope.REQUEST })
    class Handler {
      constructor(@Inject(REQUEST) private readonly job: JobContext) {}
      @Job('controller')
      run(): string {
        return this.job.name;
      }
    }
    const { run } = await boot({ controllers: [Handler] });
    expect((await run('controller')).result).toBe('controller');
  });

  it('may be guards of a handler that is not', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Guard implements CanActivate {
      constructor(@Inject(REQUEST) private readonly job: JobContext) {}
      canActivate(context: ExecutionContext): boolean {
        return this.job === context.switchToRpc().getContext() && this.job.payload === 'let me in';
      }
    }
    class Handler {
      @UseGuards(Guard)
      @Job('guarded')
      run(): string {
        return 'done';
      }
    }
    const { run } = await boot({ providers: [Handler] });
    expect((await run('guarded', 'let me in')).state).toBe('completed');
    expect((await run('guarded', 'please')).errors[0]).toMatchObject({ code: 'JOB_REJECTED' });
  });

  it('take their dependencies from the module they are in', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Handler {
      constructor(@Inject('NAME') private readonly name: string) {}
      @Job('named')
      run(): string {
        return this.name;
      }
    }
    @Module({ providers: [Handler, { provide: 'NAME', useValue: 'first' }] })
    class FirstModule {}
    @Module({ providers: [Handler, { provide: 'NAME', useValue: 'second' }] })
    class SecondModule {}
    const { run } = await boot({ imports: [FirstModule, SecondModule] });
    expect((await run('named')).result).toBe('first');
  });

  it.each([Scope.REQUEST, Scope.TRANSIENT])(
    'may come from a factory, if their class is its token (%s)',
    async (scope) => {
      let made = 0;
      class Handler {
        @Job('from-factory')
        run(): string {
          return 'overridden';
        }
      }
      class Special extends Handler {
        private readonly number = (made += 1);
        override run(): string {
          return `special ${this.number}`;
        }
      }
      const { run } = await boot({ providers: [{ provide: Handler, scope, useFactory: () => new Special() }] });
      const first = made;
      expect((await run('from-factory')).result).toBe(`special ${first + 1}`);
      expect((await run('from-factory')).result).toBe(`special ${first + 2}`);
    },
  );

  it('are registered once when another class stands for them, from which they inherit the handler', async () => {
    abstract class Base {
      @Job('aliased')
      run(): string {
        return this.constructor.name;
      }
    }
    @Injectable({ scope: Scope.REQUEST })
    class Handler extends Base {}
    const { run, log } = await boot({ providers: [Handler, { provide: Base, useExisting: Handler }] });
    expect((await run('aliased')).result).toBe('Handler');
    expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  it('fail the attempt when their factory makes something without the method', async () => {
    class Handler {
      @Job('absent')
      run(): void {}
    }
    const provider = { provide: Handler, scope: Scope.REQUEST, useFactory: () => ({}) };
    const { run } = await boot({ providers: [provider] }, { maxRetries: 0 });
    expect((await run('absent')).errors).toMatchObject([
      { message: 'what was made for Handler.run has no method of that name' },
    ]);
  });

  it('that cannot be made fail the attempt with what their constructor threw', async () => {
    let tries = 0;
    @Injectable({ scope: Scope.REQUEST })
    class Handler {
      constructor() {
        tries += 1;
        if (tries === 1) throw new Error('no connection');
      }
      @Job('construct')
      run(): string {
        return 'done';
      }
    }
    const { run } = await boot({ providers: [Handler] });
    const job = await run('construct');
    expect(job).toMatchObject({ state: 'completed', attempt: 2 });
    expect(job.errors[0]?.message).toBe('no connection');
  });
});

describe('transient providers', () => {
  it('are made once per job', async () => {
    let instances = 0;
    @Injectable({ scope: Scope.TRANSIENT })
    class Handler {
      private readonly number = (instances += 1);
      @Job('transient')
      run(): number {
        return this.number;
      }
    }
    const { run } = await boot({ providers: [Handler] });
    const first = (await run('transient')).result as number;
    expect((await run('transient')).result).toBe(first + 1);
  });

  it('are registered once, without a warning, when they have another token as well', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Handler {
      @Job('transient')
      run(): string {
        return 'done';
      }
    }
    const { run, log } = await boot({ providers: [Handler, { provide: 'ALIAS', useExisting: Handler }] });
    expect((await run('transient')).result).toBe('done');
    expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });
});
