import type { ModuleRef } from '@nestjs/core';
import type { WorkerRecord } from '../cluster/worker-record.js';
import type { DlqService } from '../dlq/dlq-service.js';
import type { Engine, EngineHealth } from '../engine/engine.js';
import type { JobDefinition, PayloadOf } from '../job/job-definition.js';
import type { JobHandler } from '../job/job-handler.js';
import type { EnqueueOptions } from '../job/job-options.js';
import type { JobService } from '../job/job-service.js';
import type { StoreTransaction } from '../job/job-store.js';
import type { EnqueueItem, EnqueueManyOptions, EnqueuedJob, JobProducer, TypedEnqueueItem } from '../job/producer.js';
import type { DispatchRegistrar } from './discovery/dispatch.registrar.js';
import { asHttpException } from './http-exceptions.js';

/** Dispatch for an application's services and controllers: enqueue jobs, look at them, steer them. */
export class DispatchService implements JobProducer {
  constructor(
    /** What does the work; everything it can do that has no method here. */
    readonly engine: Engine,
    private readonly registrar: DispatchRegistrar,
  ) {}

  /** Looks at jobs and steers them: get, list, counts, cancel, retry, discard, logs. */
  get jobs(): JobService {
    return this.engine.jobs;
  }

  /** The dead-letter queue: what failed for good, to be looked at and replayed. */
  get dlq(): DlqService {
    return this.engine.dlq;
  }

  /**
   * Enqueues a job: it is stored when the promise resolves, and will run. Works until the application has shut down,
   * in the shutdown hooks of its providers as well.
   *
   * @param job a definition, or a name (typed by augmenting `JobPayloads`)
   * @param input the payload; any JSON value, checked by the job's schema
   * @throws PayloadValidationError, PayloadError, InvalidOptionsError, ScopeRequiredError: nothing was enqueued. The first
   *   is one of Nest's exceptions as well: a controller that lets it through answers 400 with the fields
   * @throws JobAlreadyExistsError with `onConflict: 'error'`
   * @throws StoreUnavailableError when the store did not answer
   */
  enqueue<Input, Result>(
    job: JobDefinition<Input, Result>,
    input: Input,
    options?: EnqueueOptions,
  ): Promise<EnqueuedJob<Input, Result>>;
  enqueue<Name extends string>(
    job: Name,
    input?: PayloadOf<Name>,
    options?: EnqueueOptions,
  ): Promise<EnqueuedJob<PayloadOf<Name>>>;
  enqueue(job: JobDefinition | string, input?: unknown, options?: EnqueueOptions): Promise<EnqueuedJob> {
    return this.engine.enqueue(job as string, input, options).catch(asHttpException);
  }

  /**
   * Enqueues many jobs at once, all or none.
   *
   * @throws as {@link enqueue}; a payload that is not valid is named by its index
   */
  enqueueMany<const Items extends readonly EnqueueItem[]>(
    items: Items & { readonly [Index in keyof Items]: TypedEnqueueItem<Items[Index]> },
    options?: EnqueueManyOptions,
  ): Promise<EnqueuedJob[]> {
    return this.engine.enqueueMany(items, options).catch(asHttpException);
  }

  /**
   * Runs `fn` in a transaction of the store's database; jobs enqueued with `{ manager }` commit or roll back with it.
   * On SQLite this also makes concurrent callers take turns, which TypeORM's own `transaction` does not.
   *
   * @throws InvalidOptionsError when the store has no transactions
   */
  transaction<T, Transaction extends StoreTransaction = StoreTransaction>(
    fn: (transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    return this.engine.transaction(fn);
  }

  /**
   * Registers a handler at run time; most are declared with `@Job`.
   *
   * @param owner who the handler is, for messages
   * @returns a function that takes it away again: its jobs are then left for other processes
   * @throws InvalidOptionsError when the name has a handler, or an option is wrong
   */
  register<Input, Result>(
    definition: JobDefinition<Input, Result>,
    handler: JobHandler<Input, Result>,
    owner?: string,
  ): () => void;
  register<Name extends string>(name: Name, handler: JobHandler<PayloadOf<Name>>, owner?: string): () => void;
  register(definition: JobDefinition | string, handler: JobHandler<never>, owner?: string): () => void {
    return this.engine.register(definition as string, handler as JobHandler, owner);
  }

  /**
   * Registers the handlers and listeners of a module that was loaded after the application had booted.
   *
   *     const moduleRef = await this.lazyModuleLoader.load(() => ReportsModule);
   *     await this.dispatch.explore(moduleRef);
   *
   * @returns a function that takes them away again; what was registered before is left out
   * @throws InvalidOptionsError when a job has a handler already, or an option is wrong: none is registered then
   */
  explore(moduleRef: ModuleRef): Promise<() => void> {
    return this.registrar.registerModule(moduleRef);
  }

  /** Begins to work on jobs, where `autoStart` is false. Calling it again does nothing. @throws StoreUnavailableError */
  start(): Promise<void> {
    return this.engine.start();
  }

  /** Stops working on jobs, as on shutdown; enqueuing goes on, and {@link start} resumes. */
  drain(): Promise<void> {
    return this.engine.drain();
  }

  /** Whether this process and its store are well. Never rejects. */
  health(): Promise<EngineHealth> {
    return this.engine.health();
  }

  /** The worker processes that the store knows. */
  workers(): Promise<readonly WorkerRecord[]> {
    return this.engine.workers();
  }
}
