import type { CodecRegistry } from '../codec/payload-codec.js';
import type { EventId, RunId } from '../id/ids.js';
import { scopeOf } from '../job/job.js';
import type { Scope } from '../scope/scope.js';
import type { EventRecord } from './event-record.js';

/** An event as applications see it (the seed's `event.Event`): a snapshot. */
export interface Event<Payload = unknown> {
  readonly id: EventId;
  readonly name: string;
  /** What it is about, such as an order's number. */
  readonly key: string | undefined;
  /** The run it was meant for, if for one only. */
  readonly runId: RunId | undefined;
  readonly payload: Payload;
  readonly scope: Scope | undefined;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** A record of the store as an {@link Event}. @throws when the stored text cannot be decoded */
export function toEvent<Payload>(record: EventRecord, codecs: CodecRegistry): Event<Payload> {
  return Object.freeze({
    id: record.id,
    name: record.name,
    key: record.key ?? undefined,
    runId: record.runId ?? undefined,
    payload: codecs.decode(record.codec, record.payload) as Payload,
    scope: scopeOf(record),
    createdAt: new Date(record.createdAt),
    expiresAt: new Date(record.expiresAt),
  });
}
