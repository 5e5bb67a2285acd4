import type { BackoffStrategy } from '../backoff/backoff.js';
import { JobCancelledError, JobTimeoutError, PayloadValidationError, WorkerShutdownError } from '../errors.js';
import { newDlqId } from '../id/ids.js';
import { CancelJob, NonRetryableError, Snooze } from '../job/control-outcomes.js';
import { toErrorRecord } from '../job/job-error.js';
import type { Outcome } from '../job/outcome.js';

/** What the decision about a failed attempt depends on. */
export interface Failure {
  /** What the handler threw. */
  readonly thrown: unknown;
  /** Why the handler had been asked to stop, if it had. */
  readonly abortReason: Error | undefined;
  readonly retryCount: number;
  readonly maxRetries: number;
  readonly backoff: BackoffStrategy;
  readonly random: number;
}

/** Longest delay that a backoff written by hand can ask for: a year. */
const LONGEST_DELAY_MS = 365 * 86_400_000;

/**
 * How an attempt that threw ends. Pure, and in this order: what the handler asked for by a control outcome, why it
 * had been aborted, then retry or failure by what is left of its retries.
 */
export function decideOutcome(failure: Failure): Outcome {
  const { thrown, abortReason } = failure;
  if (thrown instanceof CancelJob) return { kind: 'cancelled', reason: toErrorRecord(thrown) };
  if (abortReason instanceof JobCancelledError) return { kind: 'cancelled', reason: toErrorRecord(abortReason) };
  if (thrown instanceof NonRetryableError || thrown instanceof PayloadValidationError) return fail(thrown);
  if (abortReason instanceof WorkerShutdownError) return { kind: 'released' };
  if (abortReason instanceof JobTimeoutError) return failOrRetry(withCause(abortReason, thrown), failure);
  if (thrown instanceof Snooze) return { kind: 'snoozed', delayMs: thrown.delayMs };
  return failOrRetry(thrown, failure);
}

function failOrRetry(thrown: unknown, failure: Failure): Outcome {
  if (failure.retryCount >= failure.maxRetries) return fail(thrown);
  return { kind: 'retry', delayMs: retryDelay(failure), error: toErrorRecord(thrown) };
}

function fail(thrown: unknown): Outcome {
  return { kind: 'failed', error: toErrorRecord(thrown), dlqId: newDlqId() };
}

/** A strategy written by an application may throw or return nonsense: the job still gets a sane delay. */
function retryDelay({ backoff, retryCount, random }: Failure): number {
  try {
    const delay = backoff.delay(retryCount + 1, random);
    return Number.isFinite(delay) && delay >= 0 ? Math.min(Math.round(Math.abs(delay)), LONGEST_DELAY_MS) : 1_000;
  } catch {
    return 1_000;
  }
}

/** The timeout is the error; what the handler threw on its way out is its cause, unless it is the timeout itself. */
function withCause(reason: JobTimeoutError, thrown: unknown): Error {
  if (thrown === reason || thrown === undefined || reason.cause !== undefined) return reason;
  reason.cause = thrown;
  return reason;
}
