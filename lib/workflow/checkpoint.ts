import type { EventId } from '../id/ids.js';
import type { ErrorRecord } from '../job/job-error.js';

/** What a checkpoint is the record of: the part of its key before the colon. */
export type CheckpointKind =
  'step' | 'undo' | 'sleep' | 'event' | 'child' | 'spawn' | 'now' | 'random' | 'uuid' | 'patch' | 'commit';

/** A recorded result: written once, and what every replay sees. */
export interface NewCheckpoint {
  /** Kind, name and, from the second on, the number of its occurrence: `step:charge`, `step:charge#2`. */
  readonly key: string;
  /** The order in which the results of a run became known: 1, 2, 3, ... within a generation. */
  readonly seq: number;
  /** The last `seq` that the method knew when it asked for this. */
  readonly afterSeq: number;
  readonly status: 'completed' | 'failed';
  /** Encoded by the run's codec; `null` for `undefined`. */
  readonly value: string | null;
  readonly error: ErrorRecord | null;
  /** Whether it has something to undo it by. */
  readonly undoable: boolean;
  /** How many tries it took. */
  readonly tries: number;
  /** How long it took, in milliseconds by the worker's clock. */
  readonly elapsedMs: number;
  /** The event it consumed. */
  readonly eventId: EventId | null;
}

/** A checkpoint as the store knows it. Times in epoch milliseconds by the store's clock. */
export interface CheckpointRecord extends Omit<NewCheckpoint, 'elapsedMs'> {
  readonly generation: number;
  /** The claim of the run that wrote it. */
  readonly attempt: number;
  readonly startedAt: number;
  readonly completedAt: number;
}

/** The key of the record that a step was undone. */
export function undoKeyOf(key: string): string {
  return `undo:${key}`;
}

/** Of a key, what it is the record of. */
export function checkpointKindOf(key: string): CheckpointKind {
  return key.slice(0, key.indexOf(':')) as CheckpointKind;
}

/** Of a key, the name and occurrence: what a step is called in messages. */
export function checkpointNameOf(key: string): string {
  return key.slice(key.indexOf(':') + 1);
}
