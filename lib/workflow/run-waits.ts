import { eventNameOf } from '../event/event-definition.js';
import type { EventRecord } from '../event/event-record.js';
import { errorText } from '../observability/logger.js';
import type { ActivationHost } from './activation-host.js';
import type { NewWait } from './wait.js';
import { checkDuration } from './workflow-checks.js';
import type { EventName, ReceivedEvent, WaitForEventOptions } from './workflow-context.js';

const NOTHING = {
  part: 0,
  due: null,
  eventName: null,
  eventKey: null,
  lookbackMs: 0,
  rejected: [],
  childRunId: null,
  tries: 0,
  error: null,
} as const;

/** A wait for a time. */
export function sleepWait(key: string, due: NonNullable<NewWait['due']>): NewWait {
  return { ...NOTHING, key, kind: 'sleep', due };
}

/** A wait for the end of a child. */
export function childWait(key: string, childRunId: NonNullable<NewWait['childRunId']>): NewWait {
  return { ...NOTHING, key, kind: 'child', childRunId };
}

/** A wait for the first of some events. @throws InvalidOptionsError */
export function eventWaits(
  key: string,
  events: readonly EventName[],
  { timeout, key: eventKey, lookback }: WaitForEventOptions<never>,
): readonly NewWait[] {
  const due = timeout === undefined ? null : { inMs: checkDuration('timeout', timeout) };
  const lookbackMs = lookback === undefined ? 0 : checkDuration('lookback', lookback);
  return events.map((event, part) => ({
    ...NOTHING,
    key,
    part,
    kind: 'event',
    due,
    eventName: eventNameOf(event),
    eventKey: eventKey ?? null,
    lookbackMs,
  }));
}

/** An event as the record of a wait keeps it, and JSON gives it back. */
export interface EventValue {
  readonly id: string;
  readonly name: string;
  readonly key: string | null;
  readonly createdAt: number;
  readonly payload: unknown;
}

/** @throws when the payload cannot be decoded */
export function toEventValue(event: EventRecord, { codecs }: ActivationHost): EventValue {
  const { id, name, key, createdAt } = event;
  return { id, name, key, createdAt, payload: codecs.decode(event.codec, event.payload) };
}

/** The event of a record; `null` when the wait was over before one came. */
export function toReceived(value: unknown): ReceivedEvent | null {
  if (value === null) return null;
  const { id, name, key, createdAt, payload } = value as EventValue;
  return {
    id: id as ReceivedEvent['id'],
    name,
    key: key ?? undefined,
    payload,
    createdAt: new Date(createdAt),
  };
}

/** Whether an event is what a wait is for, by the method's own predicate; one that throws accepts nothing. */
export function acceptor(
  match: ((event: ReceivedEvent<never>) => boolean) | undefined,
  host: ActivationHost,
): (event: EventRecord) => boolean {
  return (event) => {
    try {
      const received = toReceived(toEventValue(event, host)) as unknown as ReceivedEvent<never>;
      return match === undefined || match(received);
    } catch (error) {
      host.logger.warn(
        `event ${event.id} "${event.name}" is passed over, as it cannot be looked at: ${errorText(error)}`,
      );
      return false;
    }
  };
}
