import type { Backoff, BackoffSpec } from '../backoff/backoff.js';
import type { Duration } from '../clock/duration.js';
import type { Scope } from '../scope/scope.js';
import type { JobHeaders, OnConflict } from './job-record.js';
import type { StoreTransaction } from './job-store.js';

/** How jobs of one name run, unless a call says otherwise. What is left out falls to the engine's defaults. */
export interface JobOptions {
  /** Default `'default'`. */
  readonly queue?: string;
  /** Higher first, -32768 to 32767. Default 0. */
  readonly priority?: number;
  /** How many failures are followed by another attempt. 0: none. */
  readonly maxRetries?: number;
  /** How long an attempt may take; 0: no limit. */
  readonly timeout?: Duration;
  readonly backoff?: Backoff;
}

/** How the jobs of a definition run, and how the processes that handle them go about it. */
export interface HandlerOptions extends JobOptions {
  /** Most jobs of this name under way in one process, 1 or more. Default: as many as the process has slots. */
  readonly concurrency?: number;
}

/** What one call of `enqueue` may decide (the seed's `EnqueueOpts`). */
export interface EnqueueOptions extends Omit<JobOptions, 'backoff'> {
  /** As data only: it is stored with the job. */
  readonly backoff?: BackoffSpec;
  /** Due at the earliest. */
  readonly runAt?: Date;
  /** Due this long from now, by the store's clock. Not together with `runAt`. */
  readonly delay?: Duration;
  /** While a job of the same name and scope with this key has not ended, no second one is enqueued. At most 512 characters. */
  readonly uniqueKey?: string;
  /** The key holds at most this long, also when its job has not ended. */
  readonly uniqueFor?: Duration;
  /** What to do when the key is taken: return the existing job (`ignore`, default), give it this payload and these options (`replace`), or throw (`error`). */
  readonly onConflict?: OnConflict;
  /** Jobs of one key belong together. At most 512 characters. */
  readonly groupKey?: string;
  /** Text that travels with the job. */
  readonly headers?: JobHeaders;
  /** Instead of the current scope. */
  readonly scope?: Partial<Scope>;
  /** The EntityManager of a TypeORM transaction: the job is enqueued if and only if it commits. */
  readonly manager?: StoreTransaction;
}
