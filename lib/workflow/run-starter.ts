import type { CodecRegistry } from '../codec/payload-codec.js';
import { StoreUnavailableError } from '../errors.js';
import type { StoreTransaction } from '../job/job-store.js';
import type { RunFactory, StartRunOptions } from './run-factory.js';
import type { NewRun, RunRecord } from './run-record.js';
import { type Run, toRun } from './run.js';
import { toNewRunRecord } from './to-run-record.js';
import type { WorkflowDefinition } from './workflow-definition.js';
import type { WorkflowRegistry } from './workflow-registry.js';
import type { InsertRunsResult, WorkflowStore } from './workflow-store.js';

/** What one call of `startWorkflow` may decide. */
export interface StartWorkflowOptions extends StartRunOptions {
  /** The EntityManager of a TypeORM transaction: the run is started if and only if it commits. */
  readonly manager?: StoreTransaction;
}

/** A run as `startWorkflow` returns it. */
export interface StartedRun<Input = unknown, Output = unknown> extends Run<Input, Output> {
  /** `existing`: by its idempotency key this run was there already, and none was started. */
  readonly started: 'new' | 'existing';
}

export interface RunStarterOptions {
  readonly store: () => Promise<WorkflowStore>;
  readonly registry: WorkflowRegistry;
  readonly factory: RunFactory;
  readonly codecs: CodecRegistry;
}

interface Waiting {
  readonly run: NewRun;
  readonly resolve: (started: { readonly now: number; readonly existing: RunRecord | undefined }) => void;
  readonly reject: (error: unknown) => void;
}

/** Most starts that share one commit, and commits under way at the same time. */
const MAX_BATCH = 1_000;
const MAX_IN_FLIGHT = 2;

/**
 * Starts runs. Starts that are made while others are on their way share one commit; those that join a caller's transaction
 * never do.
 */
export class RunStarter {
  private waiting: Waiting[] = [];
  private inFlight = 0;
  private scheduled = false;
  private idleWaiters: (() => void)[] = [];

  constructor(private readonly options: RunStarterOptions) {}

  async start(
    workflow: WorkflowDefinition | string,
    input: unknown,
    options: StartWorkflowOptions = {},
  ): Promise<StartedRun> {
    const { registry, factory, codecs } = this.options;
    const registered = registry.resolve(workflow, options.version);
    const run = factory.create(registered, input, options);
    if (registered.validate) await registered.validate(codecs.decode(run.codec, run.input));
    const store = await this.options.store();
    if (!options.manager) {
      const { now, existing } = await this.insertOne(store, run);
      return this.report(run, now, existing);
    }
    const { now, existing } = await store.insertRuns([run], { transaction: options.manager });
    return this.report(run, now, existing.get(0));
  }

  /** Resolves when nothing is on its way. */
  idle(): Promise<void> {
    if (this.inFlight === 0 && this.waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  private report(run: NewRun, now: number, existing: RunRecord | undefined): StartedRun {
    const snapshot = toRun(existing ?? toNewRunRecord(run, now), this.options.codecs);
    const started = { value: existing ? 'existing' : 'new', enumerable: true };
    // Its accessors are taken over as they are: a copy would decode what nobody asks for.
    const own = { ...Object.getOwnPropertyDescriptors(snapshot), started };
    return Object.freeze(Object.defineProperties({}, own)) as StartedRun;
  }

  private insertOne(store: WorkflowStore, run: NewRun): Promise<Parameters<Waiting['resolve']>[0]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ run, resolve, reject });
      if (this.scheduled) return;
      this.scheduled = true;
      queueMicrotask(() => {
        this.scheduled = false;
        this.flush(store);
      });
    });
  }

  private flush(store: WorkflowStore): void {
    while (this.waiting.length > 0 && this.inFlight < MAX_IN_FLIGHT) {
      const batch = this.waiting.splice(0, MAX_BATCH);
      this.inFlight += 1;
      void this.commit(store, batch).finally(() => {
        this.inFlight -= 1;
        this.flush(store);
        if (this.inFlight === 0) for (const resolve of this.idleWaiters.splice(0)) resolve();
      });
    }
  }

  /** A batch that the store rejects is halved until the run that is at fault stands alone. */
  private async commit(store: WorkflowStore, batch: readonly Waiting[], retry = false): Promise<void> {
    let result: InsertRunsResult;
    try {
      result = await insert(
        store,
        batch.map(({ run }) => run),
        retry,
      );
    } catch (error) {
      if (batch.length === 1 || error instanceof StoreUnavailableError) {
        for (const { reject } of batch) reject(error);
        return;
      }
      const half = batch.length >> 1;
      await this.commit(store, batch.slice(0, half), true);
      await this.commit(store, batch.slice(half), true);
      return;
    }
    batch.forEach(({ resolve }, index) => resolve({ now: result.now, existing: result.existing.get(index) }));
  }
}

/** The ids were made before the call, so an insert whose answer was lost can be repeated safely. */
async function insert(store: WorkflowStore, runs: readonly NewRun[], retry: boolean): Promise<InsertRunsResult> {
  try {
    return await store.insertRuns(runs, retry ? { retry } : undefined);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return store.insertRuns(runs, { retry: true });
  }
}
