import type { JobId } from '../id/ids.js';
import type { Scope } from '../scope/scope.js';
import type { JobHeaders } from './job-record.js';

/** The running attempt of a job, as handlers and middleware see it. */
export interface JobContext<Input = unknown> {
  readonly id: JobId;
  readonly name: string;
  readonly queue: string;
  /** Decoded, and checked by the job's schema if it has one. */
  readonly payload: Input;
  readonly priority: number;
  /** Counts the claims of this job; the number of this attempt. */
  readonly attempt: number;
  /** How many attempts have failed or crashed before this one. */
  readonly retryCount: number;
  readonly maxRetries: number;
  /** Whether a failure of this attempt is final. */
  readonly isFinalAttempt: boolean;
  readonly timeoutMs: number;
  readonly headers: JobHeaders;
  readonly scope: Scope | undefined;
  readonly groupKey: string | undefined;
  readonly createdAt: Date;
  readonly runAt: Date;
  readonly startedAt: Date;
  /** The same for every attempt of this job: hand it to services that can tell a repeated request. */
  readonly idempotencyKey: string;
  /**
   * Fires on timeout, cancel, shutdown and when the lease is lost; its `reason` is the matching error. Pass it on
   * to `fetch` and the like.
   */
  readonly signal: AbortSignal;
  /** Reports progress: any small JSON value. Written in batches; the last value wins. */
  progress(value: unknown): void;
  /** Writes a line to the job's own log. Written in batches, kept with the job. */
  log(message: string, level?: 'debug' | 'info' | 'warn' | 'error'): void;
}
