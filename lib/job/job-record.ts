import type { BackoffSpec } from '../backoff/backoff.js';
import type { CronId, JobId, WorkerId } from '../id/ids.js';
import type { JobErrorRecord } from './job-error.js';
import type { JobState } from './job-state.js';

/** Text that travels with a job, such as trace context. Keys are lower case. */
export type JobHeaders = Readonly<Record<string, string>>;

/** What to do when a job with the same unique key exists. */
export type OnConflict = 'ignore' | 'replace' | 'error';

/** The part of a job that its producer decides. Times in epoch milliseconds, payload already encoded. */
export interface JobFacts {
  readonly id: JobId;
  readonly name: string;
  readonly queue: string;
  /** Encoded by `codec`; `null` when there is no payload. */
  readonly payload: string | null;
  readonly codec: string;
  /** Higher first. */
  readonly priority: number;
  readonly maxRetries: number;
  /** 0 means no timeout. */
  readonly timeoutMs: number;
  /** `null`: the strategy of the definition or engine. */
  readonly backoff: BackoffSpec | null;
  readonly uniqueKey: string | null;
  readonly groupKey: string | null;
  readonly headers: JobHeaders | null;
  readonly scopeAppId: string;
  readonly scopeOrgId: string;
  readonly cronId: CronId | null;
  readonly cronAt: number | null;
}

/** A job to insert. */
export interface NewJob extends JobFacts {
  /** When the job is due at the earliest: an absolute time, or `null` for the store's clock plus `delayMs`. */
  readonly runAt: number | null;
  /** Added to the store's clock when `runAt` is `null`. */
  readonly delayMs: number;
  /** How long the unique key holds at most; `null`: until the job has ended. */
  readonly uniqueForMs: number | null;
  readonly onConflict: OnConflict;
}

/** A job as the store knows it. Times in epoch milliseconds by the store's clock. */
export interface JobRecord extends JobFacts {
  readonly state: JobState;
  readonly runAt: number;
  /** How often the job was claimed; only ever grows, and is the fence of every later write. */
  readonly attempt: number;
  /** How many attempts failed or crashed; limited by `maxRetries`. */
  readonly retryCount: number;
  readonly uniqueUntil: number | null;
  /** The newest failures, oldest first. */
  readonly errors: readonly JobErrorRecord[];
  readonly result: string | null;
  /** What the handler last reported, encoded as JSON; `null` when it never did. */
  readonly progress: string | null;
  readonly workerId: WorkerId | null;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  readonly cancelRequestedAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What a claim returns for each job: enough to run it, in as few columns as possible. */
export interface ClaimedJob extends JobFacts {
  readonly attempt: number;
  readonly retryCount: number;
  readonly runAt: number;
  readonly createdAt: number;
  /** When this claim was made. */
  readonly startedAt: number;
}
