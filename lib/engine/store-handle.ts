import type { Clock } from '../clock/clock.js';
import { within } from '../clock/within.js';
import { StoreClosedError } from '../errors.js';
import { Enqueuer } from '../job/enqueuer.js';
import type { DispatchLogger } from '../observability/logger.js';
import type { MigrationMode, Store } from '../store/store.js';
import { type StoreOptions, createStore } from './store-options.js';

/** An open store and what inserts into it. */
export interface OpenStore {
  readonly store: Store;
  readonly enqueuer: Enqueuer;
}

export interface StoreHandleOptions {
  readonly store: StoreOptions;
  readonly migrations: MigrationMode;
  readonly clock: Clock;
  readonly logger: DispatchLogger;
}

/** How long a stop waits for enqueues that are under way. */
const LAST_INSERTS_MS = 5_000;

/** Opens the engine's store on first use, and again after a stop. A try that failed can be repeated. */
export class StoreHandle {
  private opening: Promise<OpenStore> | undefined;
  private memory: Store | undefined;
  private closed = false;

  constructor(private readonly options: StoreHandleOptions) {}

  /** Whether there is something to close. */
  get isOpen(): boolean {
    return this.opening !== undefined;
  }

  /** Opens and migrates, also after {@link close}. @throws StoreUnavailableError, MigrationError */
  open(): Promise<OpenStore> {
    this.closed = false;
    return this.get();
  }

  /** The open store; opened now if need be. @throws StoreClosedError after {@link close} */
  get(): Promise<OpenStore> {
    if (this.closed) return Promise.reject(new StoreClosedError());
    this.opening ??= this.create().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  /** Lets what is under way finish, then closes a store that was made here; one that was handed in stays open. */
  async close(): Promise<void> {
    this.closed = true;
    const open = await this.opening?.catch(() => undefined);
    this.opening = undefined;
    if (!open) return;
    const { clock, logger } = this.options;
    await within(clock, LAST_INSERTS_MS, open.enqueuer.idle()).catch(() =>
      logger.error('the store did not answer the last enqueues; whether they were stored is unknown'),
    );
    if (open.store !== this.options.store && open.store !== this.memory) await open.store.close();
  }

  private async create(): Promise<OpenStore> {
    const { store: options, clock, logger, migrations } = this.options;
    const store = this.memory ?? (await createStore(options, clock, logger));
    // A memory store is its own database: it outlives a restart of the engine.
    if (!('insertJobs' in options) && 'type' in options && options.type === 'memory') this.memory = store;
    try {
      await store.migrate(migrations);
    } catch (error) {
      if (store !== options && store !== this.memory) await store.close().catch(() => undefined);
      throw error;
    }
    return { store, enqueuer: new Enqueuer(store) };
  }
}
