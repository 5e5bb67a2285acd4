import type { WorkerId } from '../id/ids.js';

/** The seed's `WorkerState`. */
export type WorkerState = 'active' | 'draining' | 'dead';

/** A worker process as it registers. */
export interface NewWorker {
  readonly id: WorkerId;
  readonly hostname: string;
  readonly pid: number;
  /** Version of the library. */
  readonly version: string;
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A worker process as the store knows it (the seed's `cluster.Worker`). Times in epoch milliseconds. */
export interface WorkerRecord extends NewWorker {
  /** A worker whose lease has expired is dead, also before anybody has written so. */
  readonly state: WorkerState;
  readonly leaseExpiresAt: number;
  readonly lastSeen: number;
  readonly startedAt: number;
}
