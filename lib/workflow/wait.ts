import type { EventRecord } from '../event/event-record.js';
import type { EventId, RunId } from '../id/ids.js';
import type { ErrorRecord } from '../job/job-error.js';

/** Something that a run waits for. It stays until a checkpoint of its key is written, or the run parks without it. */
export interface NewWait {
  /** The key that its checkpoint will have. */
  readonly key: string;
  /** Tells the alternatives of one key apart, of which the first to come counts. */
  readonly part: number;
  readonly kind: 'sleep' | 'event' | 'child' | 'retry';
  /**
   * When it is over: a time, or a delay that is added to the store's clock when the wait is first written. A wait that is
   * there already keeps its own.
   */
  readonly due: { readonly at: number } | { readonly inMs: number } | null;
  readonly eventName: string | null;
  /** Only events of this key; `null`: of any, or of none. */
  readonly eventKey: string | null;
  /** How long before the run's creation an event may have been published, in milliseconds. */
  readonly lookbackMs: number;
  /** Events that were looked at and are not what it waits for. Taken over also by a wait that is there already. */
  readonly rejected: readonly EventId[];
  readonly childRunId: RunId | null;
  /** Of a retry: the tries that failed, and the last error. */
  readonly tries: number;
  readonly error: ErrorRecord | null;
}

/** A wait as the store knows it. */
export interface WaitRecord extends Omit<NewWait, 'due' | 'lookbackMs'> {
  /** Epoch milliseconds by the store's clock. */
  readonly dueAt: number | null;
}

/** A child that has ended, as its parent needs it. */
export interface EndedChild {
  readonly id: RunId;
  readonly state: 'completed' | 'failed' | 'cancelled';
  readonly output: string | null;
  readonly codec: string;
  readonly error: ErrorRecord | null;
}

/** What a run waits for and what has come of it. */
export interface OpenWaits {
  /** The store's clock. */
  readonly now: number;
  readonly waits: readonly WaitRecord[];
  /** Events that meet one of the waits, by name, key, run, scope and time, oldest first: not consumed by this run, nor rejected by that wait. */
  readonly events: readonly EventRecord[];
  /** Children among the waits that have ended. */
  readonly children: readonly EndedChild[];
}
