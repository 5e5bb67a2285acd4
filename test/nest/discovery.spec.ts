import 'reflect-metadata';
import { Controller, Global, Inject, Injectable, Module } from '@nestjs/common';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { EMPTY, type Observable, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  Ctx,
  DispatchService,
  InjectDispatch,
  Job,
  type JobContext,
  OnJobFailed,
  Payload,
  defineJob,
} from '../../lib/index.js';
import { boot, compile } from './support/app.js';

@Injectable()
class Greeter {
  constructor(@InjectDispatch() readonly dispatch: DispatchService) {}

  @Job('greet')
  greet(payload: { name: string }, context: JobContext): string {
    return `hello ${payload.name} from ${context.name}`;
  }
}

describe('discovery', () => {
  it('finds handlers on providers, and hands them payload and context by position', async () => {
    const { run } = await boot({ providers: [Greeter] });
    expect(await run('greet', { name: 'Ada' })).toMatchObject({ state: 'completed', result: 'hello Ada from greet' });
  });

  it('finds handlers on controllers', async () => {
    @Controller('mails')
    class MailController {
      @Job('mail')
      send(): string {
        return 'sent';
      }
    }
    const { run } = await boot({ controllers: [MailController] });
    expect((await run('mail')).result).toBe('sent');
  });

  it('hands payload, fields and context to the parameters that ask for them, in any order', async () => {
    class Shop {
      @Job('buy')
      buy(@Ctx() job: JobContext, @Payload('item') item: string, @Payload() all: object, undecorated: unknown) {
        return [job.name, item, all, undecorated === undefined];
      }
    }
    const { run } = await boot({ providers: [Shop] });
    expect((await run('buy', { item: 'lamp' })).result).toEqual(['buy', 'lamp', { item: 'lamp' }, true]);
    expect((await run('buy')).result).toEqual(['buy', null, null, true]);
  });

  it('finds inherited handlers, and calls the overriding method where there is one', async () => {
    abstract class Base {
      @Job('inherited')
      inherited(): string {
        return `${this.name()} inherited`;
      }
      @Job('overridden')
      overridden(): string {
        return 'base';
      }
      @Job('dropped')
      dropped(): string {
        return 'base';
      }
      abstract name(): string;
    }
    class Child extends Base {
      name(): string {
        return 'child';
      }
      @Job('overridden')
      override overridden(): string {
        return 'child';
      }
      override dropped(): string {
        return 'no handler any more';
      }
    }
    const { run, dispatch } = await boot({ providers: [Child] });
    expect((await run('inherited')).result).toBe('child inherited');
    expect((await run('overridden')).result).toBe('child');
    expect(dispatch.engine.registry.names()).toEqual(expect.not.arrayContaining(['dropped']));
  });

  it('gives an overriding method its own parameters, not those of the one it overrides', async () => {
    class Base {
      @Job('base')
      handle(@Payload('a') a: unknown): unknown {
        return a;
      }
    }
    class Child extends Base {
      @Job('child')
      override handle(payload: unknown): unknown {
        return payload;
      }
    }
    const { run } = await boot({ providers: [Child] });
    expect((await run('child', { a: 1 })).result).toEqual({ a: 1 });
  });

  it('finds handlers on what factories and values provide', async () => {
    class Made {
      constructor(private readonly by: string) {}
      @Job('factory')
      factory(): string {
        return this.by;
      }
    }
    class Value {
      @Job('value')
      value(): string {
        return 'value';
      }
    }
    const { run } = await boot({
      providers: [
        { provide: 'MADE', useFactory: async () => new Made('factory') },
        { provide: 'VALUE', useValue: new Value() },
        { provide: 'NULL', useValue: null },
        { provide: 'BARE', useValue: Object.create(null) as object },
        { provide: 'TEXT', useValue: 'text' },
      ],
    });
    expect((await run('factory')).result).toBe('factory');
    expect((await run('value')).result).toBe('value');
  });

  it('is not troubled by objects whose prototype chain ends early, and finds handlers on it', async () => {
    class Early {
      @Job('early')
      run(): string {
        return 'done';
      }
    }
    Object.setPrototypeOf(Early.prototype, null);
    const nameless: object = Object.create(
      Object.defineProperty(Object.create(null) as object, 'handle', {
        value: Object.getOwnPropertyDescriptor(Early.prototype, 'run')?.value as unknown,
      }),
    );
    const { run } = await boot({
      providers: [
        { provide: 'EARLY', useValue: new Early() },
        { provide: 'NESTED', useValue: Object.create(Object.create(null) as object) as object },
      ],
    });
    expect((await run('early')).result).toBe('done');
    const { app } = await compile({ providers: [Early, { provide: 'NAMELESS', useValue: nameless }] });
    await expect(app.init()).rejects.toThrow(
      'two handlers claim the job "early": Early.run and an object without a class.handle',
    );
  });

  it("has metadata of its own: one method may be a job and a cron of Nest's scheduler", async () => {
    class Both {
      calls = 0;
      @Cron('0 0 1 1 *', { name: 'by-schedule' })
      @Job('by-dispatch')
      run(): number {
        return (this.calls += 1);
      }
    }
    const { app, run, dispatch } = await boot({ imports: [ScheduleModule.forRoot()], providers: [Both] });
    expect((await run('by-dispatch')).result).toBe(1);
    const cron = app.get(SchedulerRegistry).getCronJob('by-schedule');
    await cron.fireOnTick();
    expect(app.get(Both).calls).toBe(2);
    expect(dispatch.engine.registry.names()).toEqual(['by-dispatch']);
    expect(app.get(SchedulerRegistry).getCronJobs().size).toBe(1);
  });

  it('registers a provider that has several tokens once, without a warning', async () => {
    const { run, log } = await boot({
      providers: [
        Greeter,
        { provide: 'ALIAS', useExisting: Greeter },
        { provide: 'SAME', inject: [Greeter], useFactory: (greeter: Greeter) => greeter },
      ],
    });
    expect((await run('greet', { name: 'Ada' })).state).toBe('completed');
    expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  it('registers a class that two modules provide once, and warns with the names of both', async () => {
    @Module({ providers: [Greeter] })
    class BillingModule {}
    @Module({ providers: [Greeter] })
    class ShippingModule {}
    const { run, log } = await boot({ imports: [BillingModule, ShippingModule] });
    expect((await run('greet', { name: 'Ada' })).state).toBe('completed');
    expect(log.lines).toContainEqual(
      expect.stringMatching(/^warn Greeter is provided twice, in BillingModule and in ShippingModule/),
    );
  });

  it('refuses two owners of one job, naming both', async () => {
    class First {
      @Job('report')
      run(): void {}
    }
    class Second {
      @Job(defineJob('report'))
      build(): void {}
    }
    const { app } = await compile({ providers: [First, Second] });
    await expect(app.init()).rejects.toThrow(
      'two handlers claim the job "report": First.run and Second.build. Give one of them another name.',
    );
  });

  it('lets one method handle several jobs', async () => {
    class Many {
      @Job('one')
      @Job('two')
      handle(_payload: unknown, job: JobContext): string {
        return job.name;
      }
    }
    const { run } = await boot({ providers: [Many] });
    expect([(await run('one')).result, (await run('two')).result]).toEqual(['one', 'two']);
  });

  it('takes the last value of an Observable for the result', async () => {
    class Stream {
      @Job('numbers')
      numbers(): Observable<number> {
        return of(1, 2, 3);
      }
      @Job('nothing')
      nothing(): Observable<never> {
        return EMPTY;
      }
    }
    const { run } = await boot({ providers: [Stream] });
    expect((await run('numbers')).result).toBe(3);
    expect(await run('nothing')).toMatchObject({ state: 'completed', result: undefined });
  });

  it('honours the options of the definition and of the decorator, which go first', async () => {
    const definition = defineJob('import', { queue: 'slow', maxRetries: 7, priority: 1 });
    class Importer {
      @Job(definition, { priority: 5 })
      run(): void {}
    }
    const { dispatch } = await boot({ providers: [Importer] }, { queues: ['slow'] });
    expect(await dispatch.enqueue('import')).toMatchObject({ queue: 'slow', maxRetries: 7, priority: 5 });
  });

  it.each([
    ['undefined', undefined],
    ['a class or function', Object],
  ])('refuses decorators whose job is %s, naming the method', (got, job) => {
    expect(() => {
      class Broken {
        @Job(job as never)
        run(): void {}
      }
      return Broken;
    }).toThrow(`the job of @Job on Broken.run is named by a definition from defineJob or by a text (got ${got}).`);
    expect(() => OnJobFailed([job as never])).toThrow(`(got ${got})`);
  });

  it('registers handlers at run time and takes them away again', async () => {
    const { dispatch, run } = await boot({});
    const remove = dispatch.register('late', (payload) => payload, 'a test');
    expect((await run('late', 1)).result).toBe(1);
    expect(() => dispatch.register('late', () => 2, 'another')).toThrow('a test and another');
    remove();
    dispatch.register('late', () => 3);
    expect((await run('late')).result).toBe(3);
  });

  it('injects the service everywhere, as the module is global', async () => {
    @Injectable()
    class Deep {
      constructor(@Inject(DispatchService) readonly dispatch: DispatchService) {}
    }
    @Module({ providers: [Deep] })
    class DeepModule {}
    @Global()
    @Module({ imports: [DeepModule] })
    class MiddleModule {}
    const { app, dispatch } = await boot({ imports: [MiddleModule] });
    expect(app.get(Deep, { strict: false }).dispatch).toBe(dispatch);
  });
});
