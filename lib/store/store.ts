import type { ClusterStore } from '../cluster/cluster-store.js';
import type { DlqStore } from '../dlq/dlq-store.js';
import type { EventStore } from '../event/event-store.js';
import type { JobId, RunId, WorkerId } from '../id/ids.js';
import type { JobStore, StoreTransaction } from '../job/job-store.js';
import type { WorkflowStore } from '../workflow/workflow-store.js';

/** Something happened that a process may want to act on at once. Lost ones cost time, never work. */
export type Wake =
  /**
   * Jobs of these queues became ready, or a waiting one will be due in `inMs` milliseconds. An empty list means
   * that any queue may be meant.
   */
  | { readonly kind: 'ready'; readonly queues: readonly string[]; readonly inMs?: number }
  /** Somebody asked to cancel this running job. */
  | { readonly kind: 'cancel'; readonly jobId: JobId; readonly workerId: WorkerId }
  /** Runs of these workflows became due, or one will be in `inMs` milliseconds. An empty list: any may be meant. */
  | { readonly kind: 'runs'; readonly names: readonly string[]; readonly inMs?: number }
  /** Something came that these held runs wait for. An empty list: any may be meant. */
  | { readonly kind: 'signal'; readonly runIds: readonly RunId[] }
  /** Somebody asked to cancel this held run. */
  | { readonly kind: 'cancel-run'; readonly runId: RunId; readonly workerId: WorkerId };

export type MigrationMode = 'auto' | 'check' | 'off';

/** One schema migration and whether this database has it. */
export interface MigrationStatus {
  readonly name: string;
  /** Epoch milliseconds; `null` when it is pending. */
  readonly appliedAt: number | null;
}

/**
 * Everything the engine needs from a database (the seed's `Store`, and `Storer` of its root package). An
 * implementation for another database must pass the store contract of `nestjs-dispatch/testing`.
 */
export interface Store extends JobStore, DlqStore, ClusterStore, WorkflowStore, EventStore {
  /** A short name for logs, such as `postgres`. */
  readonly kind: string;

  /** Whether inserts can join a transaction of the caller's. */
  readonly supportsTransactions: boolean;

  /** Whether `insertJobs` heeds `handOff`. */
  readonly handsOff?: boolean;

  /**
   * Opens connections and brings the schema up to date: `auto` applies what is missing under a lock, so that
   * processes may boot together; `check` throws when something is missing; `off` does neither.
   *
   * @throws MigrationError when the schema is missing, older than needed (`check`), or newer than known and incompatible
   */
  migrate(mode?: MigrationMode): Promise<void>;

  /** The migrations known to this version and whether they are applied. */
  migrations(): Promise<readonly MigrationStatus[]>;

  /** A round trip. @returns the store's clock, epoch milliseconds @throws StoreUnavailableError */
  ping(): Promise<number>;

  /** Calls `listener` for what other processes and this one did. @returns a function that stops it */
  onWake(listener: (wake: Wake) => void): () => void;

  /**
   * Runs `fn` in a transaction of the store's database and commits when it returns, rolls back when it throws.
   *
   * @throws InvalidOptionsError when the store has no transactions
   */
  transaction<T>(fn: (transaction: StoreTransaction) => Promise<T>): Promise<T>;

  /** Ends connections, listeners and timers. Later calls throw StoreClosedError. Calling it twice is fine. */
  close(): Promise<void>;
}
