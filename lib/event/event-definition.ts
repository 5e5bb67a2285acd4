declare const type: unique symbol;

/** An event's name and payload type as a value that publishers and workflows share. Made by {@link defineEvent}. */
export interface EventDefinition<Payload = unknown> {
  readonly name: string;
  /** Only for the compiler. */
  readonly [type]?: Payload;
}

/**
 * Defines an event, to be passed to `publishEvent(definition, payload)` and `wf.waitForEvent(definition)`.
 *
 * @param name at most 255 characters
 */
export function defineEvent<Payload = unknown>(name: string): EventDefinition<Payload> {
  return Object.freeze({ name });
}

/** The name of an event that is given by name or definition. */
export function eventNameOf(event: EventDefinition | string): string {
  return typeof event === 'string' ? event : event.name;
}
