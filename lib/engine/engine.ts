import { within } from '../clock/within.js';
import type { WorkerRecord } from '../cluster/worker-record.js';
import { DlqService } from '../dlq/dlq-service.js';
import { type LifecycleEventName, type LifecycleListener, LifecycleEmitter } from '../ext/lifecycle.js';
import type { WorkerId } from '../id/ids.js';
import type { JobDefinition, PayloadOf } from '../job/job-definition.js';
import { JobFactory } from '../job/job-factory.js';
import type { JobHandler } from '../job/job-handler.js';
import { JobRegistry } from '../job/job-registry.js';
import { JobService } from '../job/job-service.js';
import type { EnqueueOptions } from '../job/job-options.js';
import type { StoreTransaction } from '../job/job-store.js';
import {
  type EnqueueItem,
  type EnqueueManyOptions,
  type EnqueuedJob,
  type JobProducer,
  type TypedEnqueueItem,
  StoreProducer,
} from '../job/producer.js';
import type { EventDefinition } from '../event/event-definition.js';
import { EventService, type PublishEventOptions } from '../event/event-service.js';
import type { Event } from '../event/event.js';
import { errorText } from '../observability/logger.js';
import type { MigrationStatus, Store } from '../store/store.js';
import { JobWorker } from '../worker/job-worker.js';
import type { JobWorkerOptions } from '../worker/job-worker-options.js';
import { RunWorker } from '../worker/run-worker.js';
import { RunFactory } from '../workflow/run-factory.js';
import { type RunResultOptions, RunResults } from '../workflow/run-results.js';
import { RunService } from '../workflow/run-service.js';
import { RunStarter, type StartWorkflowOptions, type StartedRun } from '../workflow/run-starter.js';
import type { WorkflowDefinition } from '../workflow/workflow-definition.js';
import { type WorkflowHandler, WorkflowRegistry } from '../workflow/workflow-registry.js';
import type { EngineOptions, ResolvedOptions } from './options.js';
import { resolveOptions } from './resolve-options.js';
import { StoreHandle } from './store-handle.js';

/** @internal What {@link Engine.parts} returns. */
export interface EngineParts extends Omit<ResolvedOptions, 'store' | 'carrier'>, JobWorkerOptions {
  readonly store: Store;
  /** Whether a worker of the engine's own is at work. */
  readonly isWorking: boolean;
}

/** How long a stop waits for listeners that are under way. */
const LAST_LISTENERS_MS = 5_000;

/** What an engine is doing. */
export type EngineState = 'stopped' | 'starting' | 'running' | 'draining';

/** Whether this process and its store are well. */
export interface EngineHealth {
  readonly status: 'up' | 'down';
  readonly state: EngineState;
  readonly store: {
    readonly kind: string | undefined;
    readonly pingMs: number | undefined;
    readonly error: string | undefined;
  };
  /** Left out in a process that only enqueues. */
  readonly worker?: { readonly id: WorkerId; readonly active: number; readonly concurrency: number };
}

/**
 * The whole of Dispatch in one object, without Nest (the seed's `engine.Engine`). Enqueuing opens the store on first
 * use; {@link start} also begins to work on jobs, unless this process is a producer only.
 */
export class Engine implements JobProducer {
  /** Looks at jobs and steers them. */
  readonly jobs: JobService;
  /** The dead-letter queue. */
  readonly dlq: DlqService;
  /** Definitions and handlers of this process. */
  readonly registry = new JobRegistry();
  /** Looks at runs of workflows and steers them. */
  readonly runs: RunService;
  /** The events that were published. */
  readonly events: EventService;
  /** Workflows of this process. */
  readonly workflows = new WorkflowRegistry();
  private readonly starter: RunStarter;
  private readonly results: RunResults;
  private readonly factory: RunFactory;
  private readonly options: ResolvedOptions;
  private readonly emitter: LifecycleEmitter;
  private readonly handle: StoreHandle;
  private readonly producer: StoreProducer;
  private worker: JobWorker | undefined;
  private current: EngineState = 'stopped';
  private lifecycle: Promise<void> = Promise.resolve();

  /** @throws NoStoreError, InvalidOptionsError */
  constructor(options: EngineOptions) {
    const resolved = (this.options = resolveOptions(options));
    const { codecs, scopes, maxPayloadBytes, logger } = resolved;
    const emitter = (this.emitter = new LifecycleEmitter((event, error) =>
      logger.error(`a listener of ${event} failed: ${errorText(error)}`),
    ));
    this.handle = new StoreHandle(resolved);
    const store = async () => (await this.handle.get()).store;
    this.jobs = new JobService({ store, scopes, codecs, emitter });
    this.dlq = new DlqService({ store, scopes, codecs, emitter, maxPayloadBytes });
    this.runs = new RunService({ store, scopes, codecs });
    this.events = new EventService({ ...resolved, store });
    this.results = new RunResults({ ...resolved, store });
    this.factory = new RunFactory(resolved);
    this.starter = new RunStarter({ store, registry: this.workflows, factory: this.factory, codecs });
    this.producer = new StoreProducer({
      enqueuer: async () => (await this.handle.get()).enqueuer,
      registry: this.registry,
      factory: new JobFactory({ ...resolved, queue: 'default' }),
      codecs,
      emitter,
    });
  }

  get state(): EngineState {
    return this.current;
  }

  /**
   * Registers the handler of a job; its jobs are claimed from now on, if the engine runs.
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
    const defined = typeof definition === 'string' ? { name: definition } : definition;
    this.registry.register(defined, handler as JobHandler, owner);
    this.worker?.kick();
    return () => {
      if (this.registry.get(defined.name)?.handler === handler) this.registry.unregister(defined.name);
    };
  }

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
    return this.producer.enqueue(job, input, options);
  }

  enqueueMany<const Items extends readonly EnqueueItem[]>(
    items: Items & { readonly [Index in keyof Items]: TypedEnqueueItem<Items[Index]> },
    options?: EnqueueManyOptions,
  ): Promise<EnqueuedJob[]> {
    return this.producer.enqueueMany(items, options);
  }

  /**
   * Registers the method of a workflow (the seed's `RegisterWorkflow`); its runs are claimed from now on, if the engine runs.
   *
   * @param owner who the method is, for messages
   * @returns a function that takes it away again: its runs are then left for other processes
   * @throws InvalidOptionsError when that name and version have a method, or an option is wrong
   */
  registerWorkflow<Input, Output>(
    definition: WorkflowDefinition<Input, Output> | string,
    method: WorkflowHandler<Input, Output>,
    owner?: string,
  ): () => void {
    const defined = typeof definition === 'string' ? { name: definition } : (definition as WorkflowDefinition);
    const registered = this.workflows.register(defined, method as WorkflowHandler, owner);
    this.worker?.kick();
    return () => {
      if (this.workflows.get(registered.name, registered.version) === registered) this.workflows.unregister(registered);
    };
  }

  /**
   * Starts a run of a workflow (the seed's `StartWorkflow`): it is stored when the promise resolves, and will run.
   *
   * @param workflow a definition, or a name: of the latest version that is registered here, else of version 1
   * @throws PayloadValidationError, PayloadError, InvalidOptionsError, ScopeRequiredError: nothing was started
   * @throws StoreUnavailableError when the store did not answer
   */
  startWorkflow<Input, Output>(
    workflow: WorkflowDefinition<Input, Output>,
    input: Input,
    options?: StartWorkflowOptions,
  ): Promise<StartedRun<Input, Output>>;
  startWorkflow(workflow: string, input?: unknown, options?: StartWorkflowOptions): Promise<StartedRun>;
  startWorkflow(
    workflow: WorkflowDefinition | string,
    input?: unknown,
    options?: StartWorkflowOptions,
  ): Promise<StartedRun> {
    return this.starter.start(workflow, input, options);
  }

  /**
   * Waits for a run to end and returns its output, as JSON gives it back.
   *
   * @throws RunFailedError when it failed or was cancelled, with the run's error as its cause
   * @throws RunNotFoundError, RunResultTimeoutError, InvalidIdError
   */
  runResult<Output = unknown>(id: string, options?: RunResultOptions): Promise<Output> {
    return this.results.wait(id, options) as Promise<Output>;
  }

  /** Publishes an event to the runs that wait for it, or will. @throws PayloadError, InvalidOptionsError, ScopeRequiredError, StoreUnavailableError */
  publishEvent<Payload>(
    event: EventDefinition<Payload> | string,
    payload?: Payload,
    options?: PublishEventOptions,
  ): Promise<Event<Payload>> {
    return this.events.publish(event, payload, options);
  }

  /**
   * Runs `fn` in a transaction of the store's database: what it does with the transaction it is handed, enqueued jobs
   * among it (`{ manager }`), commits when it returns and rolls back when it throws. On SQLite this also makes
   * concurrent callers take turns, which TypeORM's own `transaction` does not.
   *
   * @throws InvalidOptionsError when the store has no transactions
   */
  async transaction<T, Transaction extends StoreTransaction = StoreTransaction>(
    fn: (transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    const { store } = await this.handle.get();
    return store.transaction(fn as (transaction: StoreTransaction) => Promise<T>);
  }

  /** Listens to what happens to jobs on this node. @returns a function that stops it */
  on<Name extends LifecycleEventName>(name: Name, listener: LifecycleListener<Name>): () => void {
    return this.emitter.on(name, listener);
  }

  /** Opens the store and migrates it, without working on jobs. @throws StoreUnavailableError, MigrationError */
  async open(): Promise<void> {
    await this.handle.open();
  }

  /** Opens the store and begins to work on jobs. Calling it again does nothing. @throws StoreUnavailableError, MigrationError */
  start(): Promise<void> {
    return this.inTurn(async () => {
      if (this.current === 'running') return;
      this.current = 'starting';
      try {
        const { store, enqueuer } = await this.handle.open();
        if (this.options.concurrency > 0) {
          this.worker = new JobWorker({
            ...this.options,
            store,
            registry: this.registry,
            emitter: this.emitter,
            companion: this.runWorker(store),
          });
          await this.worker.start();
          if (store.handsOff) enqueuer.offers = this.worker.offers;
        }
        this.current = 'running';
      } catch (error) {
        this.worker = undefined;
        this.current = 'stopped';
        throw error;
      }
    });
  }

  /** Stops working on jobs, in stages (see `shutdownTimeout`); enqueuing goes on. */
  drain(): Promise<void> {
    return this.inTurn(() => this.stopWorker());
  }

  /** Drains, then closes the store. Calling it again does nothing; the engine can be started again. */
  stop(): Promise<void> {
    return this.inTurn(async () => {
      await this.stopWorker();
      if (this.handle.isOpen) {
        this.emitter.emit('shutdown', { state: 'stopping' });
        // Listeners may enqueue.
        await this.emitter.settled(this.options.clock, LAST_LISTENERS_MS);
      }
      await within(this.options.clock, LAST_LISTENERS_MS, this.starter.idle()).catch(() => undefined);
      await this.handle.close();
      this.current = 'stopped';
    });
  }

  /** The worker processes that the store knows. */
  async workers(): Promise<readonly WorkerRecord[]> {
    return (await this.handle.get()).store.listWorkers();
  }

  /** The schema's migrations and whether they are applied. */
  async migrations(): Promise<readonly MigrationStatus[]> {
    return (await this.handle.get()).store.migrations();
  }

  /** @internal What a worker of this engine is made of, and what rows are made with: for the test kit. */
  async parts(): Promise<EngineParts> {
    const { store } = await this.handle.get();
    return {
      ...this.options,
      store,
      registry: this.registry,
      emitter: this.emitter,
      isWorking: this.worker !== undefined,
    };
  }

  /** Asks the store for a sign of life. Never rejects. */
  async health(): Promise<EngineHealth> {
    const { clock, concurrency } = this.options;
    const worker = this.worker && { id: this.worker.id, active: this.worker.activeCount, concurrency };
    const about = { state: this.current, ...(worker ? { worker } : {}) };
    const startedAt = clock.monotonic();
    let kind: string | undefined;
    try {
      const { store } = await this.handle.get();
      kind = store.kind;
      await store.ping();
      return { ...about, status: 'up', store: { kind, pingMs: clock.monotonic() - startedAt, error: undefined } };
    } catch (error) {
      return { ...about, status: 'down', store: { kind, pingMs: undefined, error: errorText(error) } };
    }
  }

  private runWorker(store: Store): RunWorker | undefined {
    const { workflowConcurrency, maxRetries, timeoutMs } = this.options;
    if (workflowConcurrency === 0) return undefined;
    return new RunWorker({
      ...this.options,
      store,
      emitter: this.emitter,
      registry: this.workflows,
      factory: this.factory,
      concurrency: workflowConcurrency,
      stepRetries: maxRetries,
      stepTimeoutMs: timeoutMs,
      onRunEnded: (run) => this.results.ended(run),
    });
  }

  private async stopWorker(): Promise<void> {
    const { worker } = this;
    if (!worker) return;
    this.current = 'draining';
    await worker.stop();
    this.worker = undefined;
  }

  /** Starts and stops that are asked for at the same time take place one after the other. */
  private inTurn(step: () => Promise<void>): Promise<void> {
    const turn = this.lifecycle.then(step);
    this.lifecycle = turn.catch(() => undefined);
    return turn;
  }
}
