import type { ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { onTestFinished } from 'vitest';
import {
  type DispatchLogger,
  DispatchModule,
  type DispatchModuleOptions,
  DispatchService,
  type Job,
} from '../../../lib/index.js';
import { until } from '../../support/until.js';

/** Keeps log lines, each with its level in front. */
export class LogLines implements DispatchLogger {
  readonly lines: string[] = [];

  debug(message: string): void {
    this.lines.push(`debug ${message}`);
  }
  log(message: string): void {
    this.lines.push(`log ${message}`);
  }
  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(message: string): void {
    this.lines.push(`error ${message}`);
  }
}

/** Options of an engine in memory that retries at once and stops quickly. */
export function inMemory(options: Partial<DispatchModuleOptions> = {}): DispatchModuleOptions {
  return {
    store: { type: 'memory' },
    backoff: { type: 'constant', initial: 0 },
    logger: new LogLines(),
    shutdownTimeout: 50,
    abortGrace: 50,
    ...options,
  };
}

export interface TestApp {
  readonly app: TestingModule;
  readonly dispatch: DispatchService;
  readonly log: LogLines;
  /** Waits until a job has ended. */
  ended(job: Pick<Job, 'id'>): Promise<Job>;
  /** Enqueues a job and waits until it has ended. */
  run(name: string, input?: unknown): Promise<Job>;
}

/** Compiles an application around Dispatch, without starting it. It is closed when the test is over. */
export async function compile(
  metadata: ModuleMetadata,
  options: Partial<DispatchModuleOptions> = {},
): Promise<TestApp> {
  const log = new LogLines();
  const dispatchModule = DispatchModule.forRoot(inMemory({ logger: log, ...options }));
  const app = await Test.createTestingModule({
    ...metadata,
    imports: [dispatchModule, ...(metadata.imports ?? [])],
  }).compile();
  closeAfterTest(app);
  const dispatch = app.get(DispatchService);
  const ended = (job: Pick<Job, 'id'>): Promise<Job> => jobEnded(dispatch, job);
  return { app, dispatch, log, ended, run: async (name, input) => ended(await dispatch.enqueue(name, input)) };
}

/** Compiles and starts an application around Dispatch. It is closed when the test is over. */
export async function boot(metadata: ModuleMetadata, options?: Partial<DispatchModuleOptions>): Promise<TestApp> {
  const compiled = await compile(metadata, options);
  await compiled.app.init();
  return compiled;
}

/** Waits until a job has ended. */
export function jobEnded(dispatch: DispatchService, { id }: Pick<Job, 'id'>): Promise<Job> {
  return until(`job ${id} ends`, async () => {
    const job = await dispatch.jobs.get(id);
    return job && ['completed', 'failed', 'cancelled'].includes(job.state) ? job : undefined;
  });
}

/**
 * Once is enough: Nest calls the hooks again when an application is closed again. NestJS 11 rejects the close of one
 * that did not boot, with what kept it from it.
 */
export function closeAfterTest(app: TestingModule): void {
  const [init, close] = [app.init.bind(app), app.close.bind(app)];
  let [booted, closed]: Promise<unknown>[] = [];
  app.init = () => (booted = init());
  app.close = (signal) => (closed ??= close(signal)) as Promise<void>;
  onTestFinished(async () => {
    const failure: unknown = await booted?.then(
      () => undefined,
      (error: unknown) => error,
    );
    await app.close().catch((error: unknown) => {
      if (error !== failure) throw error;
    });
  });
}
