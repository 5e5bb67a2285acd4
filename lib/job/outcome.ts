import type { DlqId, JobId } from '../id/ids.js';
import type { ErrorRecord } from './job-error.js';

/** How an attempt ended: what the executor returns and the settler writes. */
export type Outcome = Completed | Retry | Failed | Snoozed | Released | Cancelled;

/** The handler returned. */
export interface Completed {
  readonly kind: 'completed';
  /** Encoded by the codec; `null` when there is none. */
  readonly result: string | null;
}

/** The handler failed and may try again: state `retrying`, retry count plus one. */
export interface Retry {
  readonly kind: 'retry';
  /** Milliseconds until the next attempt, added to the store's clock. */
  readonly delayMs: number;
  readonly error: ErrorRecord;
}

/** The handler failed for good: state `failed`, retry count plus one, and a dead-letter entry in the same transaction. */
export interface Failed {
  readonly kind: 'failed';
  readonly error: ErrorRecord;
  /** The id of the dead-letter entry to write. */
  readonly dlqId: DlqId;
}

/** The handler asked for a later time: state `pending`, no retry spent. */
export interface Snoozed {
  readonly kind: 'snoozed';
  readonly delayMs: number;
}

/** The worker hands the job back unfinished, as on shutdown: state `pending`, due at once, no retry spent. */
export interface Released {
  readonly kind: 'released';
}

/** The handler gave the job up, or stopped because somebody cancelled it: state `cancelled`. */
export interface Cancelled {
  readonly kind: 'cancelled';
  readonly reason?: ErrorRecord;
}

/** An outcome with the fence it is written under: the attempt that produced it. */
export interface Settlement {
  readonly id: JobId;
  readonly attempt: number;
  readonly outcome: Outcome;
}
