import type { CodecRegistry } from '../codec/payload-codec.js';
import type { EventId } from '../id/ids.js';
import type { ErrorRecord } from '../job/job-error.js';
import { type CheckpointKind, type CheckpointRecord, checkpointKindOf, checkpointNameOf } from './checkpoint.js';

/** Something that a run has recorded (the seed's timeline entry). */
export interface TimelineEntry {
  /** What the history knows it by, such as `step:charge`. */
  readonly key: string;
  readonly kind: CheckpointKind;
  /** The name that the method gave it, with the number of its occurrence from the second on. */
  readonly name: string;
  readonly status: 'completed' | 'failed';
  /** As JSON gives it back; `undefined` for nothing. Decoded on access. */
  readonly value: unknown;
  readonly error: ErrorRecord | undefined;
  /** How many tries it took. */
  readonly tries: number;
  /** The event that it consumed. */
  readonly eventId: EventId | undefined;
  /** In which activation of the run it was recorded: what comes after a crash has a higher number. */
  readonly attempt: number;
  /** Which retry or replay by hand it belongs to; entries of older ones do not count any more. */
  readonly generation: number;
  readonly startedAt: Date;
  readonly completedAt: Date;
}

/** A checkpoint as a {@link TimelineEntry}. @param codec of the run */
export function toTimelineEntry(record: CheckpointRecord, codec: string, codecs: CodecRegistry): TimelineEntry {
  return Object.freeze({
    key: record.key,
    kind: checkpointKindOf(record.key),
    name: checkpointNameOf(record.key),
    status: record.status,
    get value() {
      return codecs.decode(codec, record.value);
    },
    error: record.error ?? undefined,
    tries: record.tries,
    eventId: record.eventId ?? undefined,
    attempt: record.attempt,
    generation: record.generation,
    startedAt: new Date(record.startedAt),
    completedAt: new Date(record.completedAt),
  });
}
