import type { JobId, RunId, WorkerId } from '../id/ids.js';
import type { HeldRun } from '../workflow/run-record.js';
import type { NewWorker, WorkerRecord } from './worker-record.js';

export interface HeartbeatRequest {
  readonly workerId: WorkerId;
  /** The lease runs this long from the store's clock. */
  readonly leaseMs: number;
  /** What the worker believes it is running. */
  readonly running: readonly { readonly id: JobId; readonly attempt: number }[];
  /** The runs that it believes it holds; left out for none. */
  readonly runs?: readonly HeldRun[];
}

export interface HeartbeatResult {
  /** False when the worker row is missing or dead: the process must register under a new id. */
  readonly alive: boolean;
  /** Jobs of `running` that this worker and attempt no longer hold. All of them when it is not alive. */
  readonly lost: readonly JobId[];
  /** Jobs of `running` that somebody asked to cancel. */
  readonly cancelRequested: readonly JobId[];
  /** Whether a rescue may find something: some worker's lease is over, or one is dead that may hold jobs still. */
  readonly mayRescue: boolean;
  /** The same of the runs; there if and only if any were asked about. */
  readonly runs?: { readonly lost: readonly RunId[]; readonly cancelRequested: readonly RunId[] };
}

/** How a thread can renew the lease of a worker by itself: data that can be handed to it. */
export interface PulseSource {
  readonly driver: 'pg' | 'better-sqlite3';
  /** Where the driver's module is. */
  readonly driverPath: string;
  /** What the driver connects with. */
  readonly connection: object;
  /** Renews the lease of a worker that nobody has declared dead. */
  readonly statement: string;
  readonly values: readonly (string | number)[];
}

/** The workers of a store (the seed's `cluster.Store`). */
export interface ClusterStore {
  /** Writes the row of a new worker, active, under a lease of `leaseMs` from the store's clock. */
  registerWorker(worker: NewWorker, leaseMs: number): Promise<void>;

  /**
   * Renews the lease, and reports lost jobs and cancel requests: one statement. A lease that is over can be renewed as
   * long as no rescue has declared the worker dead; a row that was declared dead stays dead, whatever arrives later.
   */
  heartbeat(request: HeartbeatRequest): Promise<HeartbeatResult>;

  /**
   * What a thread needs to renew the lease while the main thread is blocked; `undefined` where there is no such way, as
   * under a test clock. A store need not have it.
   */
  pulse?(workerId: WorkerId, leaseMs: number): Promise<PulseSource | undefined>;

  /** Marks a live worker as draining: listed as such, claims nothing, keeps renewing. */
  drainWorker(workerId: WorkerId): Promise<void>;

  /**
   * Takes the worker off the list on a clean stop. Jobs it might still hold are rescued by others.
   *
   * @param options.idle whether it is sure that it holds nothing: then nobody has to look
   */
  deregisterWorker(workerId: WorkerId, options?: { readonly idle?: boolean }): Promise<void>;

  /** Every known worker, oldest first. */
  listWorkers(): Promise<readonly WorkerRecord[]>;

  /**
   * Deletes rows of workers that were declared dead and whose lease ended longer ago than this. One that nobody has
   * declared dead may still come back and is left alone. @returns how many were deleted
   */
  pruneWorkers(options: { readonly deadForMs: number; readonly limit: number }): Promise<number>;
}
