import 'reflect-metadata';
import { Injectable, type LoggerService, Module, type ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  DispatchModule,
  type DispatchModuleOptions,
  type DispatchOptionsFactory,
  DispatchService,
  InvalidOptionsError,
  Job,
  NoStoreError,
  OnJobFailed,
  getDispatchToken,
} from '../../lib/index.js';
import { boot, inMemory, jobEnded } from './support/app.js';

class Greeter {
  @Job('greet')
  greet(): string {
    return 'hello';
  }
}

async function bootWith(metadata: ModuleMetadata): Promise<DispatchService> {
  const app = await Test.createTestingModule(metadata).compile();
  onTestFinished(() => app.close());
  await app.init();
  return app.get(DispatchService, { strict: false });
}

async function expectToWork(dispatch: DispatchService): Promise<void> {
  expect((await jobEnded(dispatch, await dispatch.enqueue('greet'))).result).toBe('hello');
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('forRootAsync', () => {
  it('takes options from a factory, with what it injects', async () => {
    @Module({ providers: [{ provide: 'QUEUES', useValue: ['mails'] }], exports: ['QUEUES'] })
    class SettingsModule {}
    const dispatch = await bootWith({
      imports: [
        DispatchModule.forRootAsync({
          imports: [SettingsModule],
          inject: ['QUEUES', 'EXTRA'],
          extraProviders: [{ provide: 'EXTRA', useValue: 3 }],
          useFactory: async (queues: string[], concurrency: number) => inMemory({ queues, concurrency }),
        }),
      ],
      providers: [Greeter],
    });
    const job = await dispatch.enqueue('greet', undefined, { queue: 'mails' });
    expect((await jobEnded(dispatch, job)).result).toBe('hello');
    expect((await dispatch.health()).worker?.concurrency).toBe(3);
  });

  @Injectable()
  class Settings implements DispatchOptionsFactory {
    createDispatchOptions(): DispatchModuleOptions {
      return inMemory();
    }
  }

  it('takes options from a class', async () => {
    await expectToWork(
      await bootWith({ imports: [DispatchModule.forRootAsync({ useClass: Settings })], providers: [Greeter] }),
    );
  });

  it('takes options from an existing provider', async () => {
    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}
    const imports = [DispatchModule.forRootAsync({ imports: [SettingsModule], useExisting: Settings })];
    await expectToWork(await bootWith({ imports, providers: [Greeter] }));
  });
});

describe('DispatchModule', () => {
  it('is global unless told otherwise', async () => {
    @Injectable()
    class Needs {
      constructor(readonly dispatch: DispatchService) {}
    }
    @Module({ providers: [Needs] })
    class OtherModule {}
    const metadata = (isGlobal?: boolean): ModuleMetadata => ({
      imports: [
        DispatchModule.forRoot({ ...inMemory(), ...(isGlobal === undefined ? {} : { isGlobal }) }),
        OtherModule,
      ],
    });
    expect(await bootWith(metadata())).toBeInstanceOf(DispatchService);
    await expect(bootWith(metadata(false))).rejects.toThrow(/can't resolve dependencies of the Needs/);
  });

  it('is refused when it is set up twice', async () => {
    const twice = { imports: [DispatchModule.forRoot(inMemory()), DispatchModule.forRoot(inMemory())] };
    await expect(bootWith(twice)).rejects.toThrow(InvalidOptionsError);
    await expect(bootWith(twice)).rejects.toThrow('DispatchModule is set up twice in this application');
  });

  it('may be imported in several places when it is one module', async () => {
    const module = DispatchModule.forRoot(inMemory());
    @Module({ imports: [module] })
    class OtherModule {}
    await expectToWork(await bootWith({ imports: [module, OtherModule], providers: [Greeter] }));
  });

  it('is refused where it is imported without options, beside a module that has them too', async () => {
    for (const imports of [[DispatchModule], [DispatchModule.forRoot(inMemory()), DispatchModule]]) {
      await expect(bootWith({ imports })).rejects.toThrow(
        /^DispatchModule is imported as it is, without options\. Import DispatchModule\.forRoot/,
      );
    }
  });

  it.each([
    [{ autoStart: 'false' }, '"autoStart" must be true or false (got "false")'],
    [{ handlers: null }, '"handlers" must be an object of options by job name'],
    [{ isGlobal: 'no' }, '"isGlobal" must be true or false (got "no")'],
    [{ name: '' }, '"name" must be a text that is not empty (got "")'],
    [{ name: null }, '"name" must be a text that is not empty (got null)'],
  ])('refuses %j', async (options, message) => {
    const module = async () =>
      bootWith({ imports: [DispatchModule.forRoot({ ...inMemory(), ...(options as object) })] });
    await expect(module()).rejects.toThrow(message);
    await expect(module()).rejects.toBeInstanceOf(InvalidOptionsError);
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['sqlite', 'string'],
  ])('refuses forRoot(%j), saying what it takes', (options, got) => {
    const module = () => DispatchModule.forRoot(options as never);
    expect(module).toThrow(InvalidOptionsError);
    expect(module).toThrow(
      `DispatchModule.forRoot takes an object of options with at least "store", as in forRoot({ store: { type: 'sqlite', database: 'dispatch.db' } }) (got ${got}).`,
    );
  });

  it.each([
    [undefined, 'needs "useFactory", "useClass" or "useExisting", which makes the options (got undefined)'],
    [null, 'which makes the options (got null)'],
    [{}, 'which makes the options (got an empty object). Options that need nothing of the application go to forRoot.'],
    [{ store: { type: 'memory' }, concurrency: 3 }, 'which makes the options (got store, concurrency)'],
    [{ useFactory: { store: {} } }, '"useFactory" of forRootAsync must be a function that returns the options'],
    [{ useClass: 'Settings' }, '"useClass" of forRootAsync must be a class with createDispatchOptions() (got string)'],
  ])('refuses forRootAsync(%j), saying what is missing', (options, message) => {
    const module = () => DispatchModule.forRootAsync(options as never);
    expect(module).toThrow(InvalidOptionsError);
    expect(module).toThrow(message);
  });

  it('refuses an option that does not exist, with those that the module has', async () => {
    const slip = { imports: [DispatchModule.forRoot({ ...inMemory(), autostart: false } as never)] };
    await expect(bootWith(slip)).rejects.toThrow(
      /^there is no option "autostart"\. The options are store, .*clock, autoStart, useGlobalEnhancers, config, handlers, name, isGlobal, extraProviders\.$/,
    );
  });

  it('refuses what must be known before the options are made, saying where it belongs', async () => {
    const late = { imports: [DispatchModule.forRootAsync({ useFactory: () => ({ ...inMemory(), name: 'audit' }) })] };
    await expect(bootWith(late)).rejects.toThrow('as in forRootAsync({ name, useFactory })');
  });

  it('refuses options that are wrong, saying what to do', async () => {
    const lease = { imports: [DispatchModule.forRoot(inMemory({ lease: '5s', heartbeat: '5s' }))] };
    await expect(bootWith(lease)).rejects.toThrow('"lease" must be longer than twice "heartbeat"');
    const store = { imports: [DispatchModule.forRoot({ store: { type: 'oracle' } as never })] };
    await expect(bootWith(store)).rejects.toThrow('(got type "oracle")');
    const nothing = { imports: [DispatchModule.forRootAsync({ useFactory: () => undefined as never })] };
    await expect(bootWith(nothing)).rejects.toThrow(NoStoreError);
  });

  it('refuses a store in memory in production, unless it is asked for', async () => {
    vi.stubEnv('NODE_ENV', 'production');
    await expect(bootWith({ imports: [DispatchModule.forRoot(inMemory())] })).rejects.toThrow(
      'where every restart would lose all jobs',
    );
    const accepted = inMemory({ store: { type: 'memory', allowInProduction: true } });
    await expectToWork(await bootWith({ imports: [DispatchModule.forRoot(accepted)], providers: [Greeter] }));
  });

  it('sums up in the log what it found', async () => {
    class Listener {
      @OnJobFailed()
      onFailure(): void {}
    }
    const worker = await boot({ providers: [Greeter, Listener] }, { queues: ['default', { name: 'slow' }] });
    expect(worker.log.lines).toContain('log 1 job handler, 1 failure listener; queues: default, slow; store: memory');
    const producer = await boot({}, { worker: false });
    expect(producer.log.lines).toContain('log 0 job handlers, 0 failure listeners; enqueues only; store: memory');
  });

  it("writes to Nest's logger unless it is given another", async () => {
    const lines: unknown[][] = [];
    const collect = (...line: unknown[]): void => void lines.push(line);
    const logger: LoggerService = { log: collect, warn: collect, error: collect };
    const { logger: _, ...options } = inMemory();
    const app = await Test.createTestingModule({ imports: [DispatchModule.forRoot(options)] })
      .setLogger(logger)
      .compile();
    onTestFinished(() => app.close());
    await app.init();
    expect(lines).toContainEqual(['0 job handlers, 0 failure listeners; queues: default; store: memory', 'Dispatch']);
  });

  it('lets tests put another service in its place', async () => {
    const instead = { enqueue: vi.fn() };
    @Injectable()
    class Shop {
      constructor(readonly dispatch: DispatchService) {}
    }
    const app = await Test.createTestingModule({ imports: [DispatchModule.forRoot(inMemory())], providers: [Shop] })
      .overrideProvider(getDispatchToken())
      .useValue(instead)
      .compile();
    onTestFinished(() => app.close());
    expect(app.get(Shop).dispatch).toBe(instead);
  });
});
