import 'reflect-metadata';
import { Injectable, Module, type ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  DispatchModule,
  DispatchService,
  InjectDispatch,
  InvalidOptionsError,
  Job,
  type JobFailure,
  OnJobFailed,
  getDispatchOptionsToken,
  getDispatchToken,
} from '../../lib/index.js';
import { createMemoryStore } from '../../lib/testing/index.js';
import { until } from '../support/until.js';
import { LogLines, closeAfterTest, inMemory, jobEnded } from './support/app.js';

@Injectable()
class Shop {
  constructor(
    readonly dispatch: DispatchService,
    @InjectDispatch('audit') readonly audit: DispatchService,
  ) {}

  readonly heard: string[] = [];

  @Job('order', { maxRetries: 0 })
  order(): string {
    return 'ordered';
  }

  @Job('write', { instance: 'audit', maxRetries: 0 })
  write(fails: boolean): string {
    if (fails) throw new Error('disk full');
    return 'written';
  }

  @OnJobFailed({ instance: 'audit' })
  onAudit({ job }: JobFailure): void {
    this.heard.push(`audit ${job.name}`);
  }

  @OnJobFailed()
  onAny({ job }: JobFailure): void {
    this.heard.push(`default ${job.name}`);
  }
}

async function compile(metadata: ModuleMetadata) {
  const app = await Test.createTestingModule(metadata).compile();
  closeAfterTest(app);
  return app;
}

async function bootBoth() {
  const [orders, audits] = [createMemoryStore(), createMemoryStore()];
  const [log, auditLog] = [new LogLines(), new LogLines()];
  const app = await compile({
    imports: [
      DispatchModule.forRootAsync({
        name: 'audit',
        useFactory: () => inMemory({ store: audits, logger: auditLog, queues: ['default', 'audits'] }),
      }),
      DispatchModule.forRoot(inMemory({ store: orders, logger: log })),
    ],
    providers: [Shop],
  });
  await app.init();
  return { app, shop: app.get(Shop), orders, audits, log, auditLog };
}

describe('named instances', () => {
  it('have a store, handlers, listeners and a log of their own, beside those of the default one', async () => {
    const { shop, orders, audits, log, auditLog } = await bootBoth();
    expect((await jobEnded(shop.dispatch, await shop.dispatch.enqueue('order'))).result).toBe('ordered');
    expect((await jobEnded(shop.audit, await shop.audit.enqueue('write', false))).result).toBe('written');
    await jobEnded(shop.audit, await shop.audit.enqueue('write', true));
    await until('the listener hears of it', () => shop.heard.length > 0);
    expect(shop.heard).toEqual(['audit write']);
    expect(await orders.countJobs()).toMatchObject({ completed: 1, failed: 0 });
    expect(await audits.countJobs()).toMatchObject({ completed: 1, failed: 1 });
    expect(shop.dispatch.engine.registry.names()).toEqual(['order']);
    expect(shop.audit.engine.registry.names()).toEqual(['write']);
    expect(log.lines).toContain('log 1 job handler, 1 failure listener; queues: default; store: memory');
    expect(auditLog.lines).toContain('log 1 job handler, 1 failure listener; queues: default, audits; store: memory');
  });

  it('are found by their tokens, and are not taken for the default one', async () => {
    const { app, shop } = await bootBoth();
    expect(app.get(getDispatchToken('audit'))).toBe(shop.audit);
    expect(app.get(getDispatchToken())).toBe(shop.dispatch);
    expect(app.get(DispatchService)).toBe(shop.dispatch);
    const only = await compile({ imports: [DispatchModule.forRoot({ ...inMemory(), name: 'audit' })] });
    expect(() => only.get(DispatchService)).toThrow(/DispatchService/);
  });

  it('stop with the application, each on its own', async () => {
    const { app, shop } = await bootBoth();
    await app.close();
    expect([shop.dispatch.engine.state, shop.audit.engine.state]).toEqual(['stopped', 'stopped']);
  });

  it('need not be global', async () => {
    @Injectable()
    class Needs {
      constructor(@InjectDispatch('audit') readonly audit: DispatchService) {}
    }
    const module = DispatchModule.forRoot({ ...inMemory(), name: 'audit', isGlobal: false });
    @Module({ imports: [module], providers: [Needs] })
    class Inside {}
    @Module({ providers: [Needs] })
    class Outside {}
    expect((await compile({ imports: [Inside] })).get(Needs).audit).toBeInstanceOf(DispatchService);
    await expect(compile({ imports: [module, Outside] })).rejects.toThrow(/can't resolve dependencies of the Needs/);
  });

  it('are refused when a name is set up twice', async () => {
    const twice = ['a', 'b'].map((queue) =>
      DispatchModule.forRoot({ ...inMemory({ queues: [queue] }), name: 'audit' }),
    );
    await expect(compile({ imports: twice })).rejects.toThrow(
      'the Dispatch instance "audit" is set up twice in this application',
    );
  });

  it('that a handler names must be set up, and so must the default one where it names none', async () => {
    const lacking = await compile({ imports: [DispatchModule.forRoot(inMemory())], providers: [Auditing] });
    await expect(lacking.init()).rejects.toThrow(InvalidOptionsError);
    await expect(lacking.init()).rejects.toThrow(
      'Auditing.write belongs to the Dispatch instance "audit", which this application does not have (it has the default one). Set it up by DispatchModule.forRoot({ name: "audit", ... }).',
    );
    class Plain {
      @Job('plain')
      run(): void {}
    }
    const named = await compile({
      imports: [DispatchModule.forRoot({ ...inMemory(), name: 'audit' })],
      providers: [Plain],
    });
    await expect(named.init()).rejects.toThrow(
      'Plain.run belongs to the default Dispatch instance, which this application does not have (it has "audit")',
    );
  });

  it('keep the options token of each to itself, for tests that replace them', async () => {
    const [orders, audits] = [createMemoryStore(), createMemoryStore()];
    const useFactory = vi.fn(() => inMemory());
    const app = await Test.createTestingModule({
      imports: [
        DispatchModule.forRootAsync({ useFactory }),
        DispatchModule.forRoot({
          ...inMemory({ store: { type: 'sqlite', database: '/nowhere/at/all' } }),
          name: 'audit',
        }),
      ],
      providers: [Shop],
    })
      .overrideProvider(getDispatchOptionsToken())
      .useValue(inMemory({ store: orders, autoStart: false }))
      .overrideProvider(getDispatchOptionsToken('audit'))
      .useValue(inMemory({ store: audits, autoStart: false }))
      .compile();
    onTestFinished(() => app.close());
    await app.init();
    const shop = app.get(Shop);
    await shop.dispatch.enqueue('order');
    await shop.audit.enqueue('write', false);
    expect([(await orders.countJobs()).pending, (await audits.countJobs()).pending]).toEqual([1, 1]);
    expect(useFactory).not.toHaveBeenCalled();
  });
});

class Auditing {
  @Job('write', { instance: 'audit' })
  write(): void {}
}
