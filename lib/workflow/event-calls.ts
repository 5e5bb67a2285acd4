import { eventNameOf } from '../event/event-definition.js';
import { InvalidOptionsError } from '../errors.js';
import { completed } from './made.js';
import type { Operations } from './operations.js';
import { type EventValue, acceptor, eventWaits, toEventValue, toReceived } from './run-waits.js';
import type { EventName, ReceivedEvent, WaitForEventOptions } from './workflow-context.js';

/** What the record of a wait for events says: which of the alternatives came. */
interface Came {
  readonly part: number;
  readonly event: EventValue;
}

/** Waits for events. */
export class EventCalls {
  constructor(private readonly operations: Operations) {}

  /** @param label names the wait in the history; default: the event's name */
  one(name: string, options: WaitForEventOptions<never>, label = name): Promise<ReceivedEvent | null> {
    return this.first(label, [name], options, (came) => toReceived(came?.event ?? null));
  }

  any(
    events: readonly EventName[],
    options: WaitForEventOptions<never>,
  ): Promise<{ readonly name: string; readonly event: ReceivedEvent } | null> {
    const names = checkEvents(events);
    return this.first(`any of ${names.join(', ')}`.slice(0, 200), events, options, (came) => {
      const event = toReceived(came?.event ?? null);
      return event && { name: names[came!.part]!, event };
    });
  }

  async all(
    events: readonly EventName[],
    options: WaitForEventOptions<never>,
  ): Promise<readonly ReceivedEvent[] | null> {
    const names = checkEvents(events);
    const waits = names.map((name, index) => this.one(name, options, `all[${index}] ${name}`.slice(0, 200)));
    const received = await Promise.all(waits);
    return received.every((event) => event !== null) ? received : null;
  }

  private first<T>(
    label: string,
    events: readonly EventName[],
    options: WaitForEventOptions<never>,
    read: (came: Came | null) => T,
  ): Promise<T> {
    const { operations } = this;
    const { activation } = operations;
    return operations.perform(
      'event',
      label,
      async (key) => {
        const parts = eventWaits(key, events, options);
        const result = await activation.wait({ parts, accepts: acceptor(options.match, activation.host) });
        if (result.kind !== 'event') return completed(activation.encode(key, null));
        const { event, part } = result;
        const came: Came = { part, event: toEventValue(event, activation.host) };
        return completed(activation.encode(key, came), { eventId: event.id });
      },
      (value) => read(value as Came | null),
    );
  }
}

/** @throws InvalidOptionsError when there is none */
function checkEvents(events: readonly EventName[]): readonly string[] {
  if (!Array.isArray(events) || events.length === 0)
    throw new InvalidOptionsError('a wait for several events needs a list of at least one name.');
  return events.map(eventNameOf);
}
