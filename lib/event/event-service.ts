import { type Duration, toMs } from '../clock/duration.js';
import type { CodecRegistry } from '../codec/payload-codec.js';
import { InvalidOptionsError, StoreUnavailableError } from '../errors.js';
import { newEventId, parseEventId, parseRunId } from '../id/ids.js';
import { checkKey, checkName } from '../job/checks.js';
import { encodePayload } from '../job/encode-payload.js';
import type { StoreTransaction } from '../job/job-store.js';
import type { Scope } from '../scope/scope.js';
import type { ScopeOption, ScopePolicy } from '../scope/scope-policy.js';
import { type EventDefinition, eventNameOf } from './event-definition.js';
import type { NewEvent } from './event-record.js';
import type { EventStore, ListEventsOptions } from './event-store.js';
import { type Event, toEvent } from './event.js';

/** What one call of `publishEvent` may decide. */
export interface PublishEventOptions {
  /** What the event is about, such as an order's number: waits may ask for it. At most 512 characters. */
  readonly key?: string;
  /** Only for this run. */
  readonly runId?: string;
  /** How long the event is kept for runs that come to wait for it. Default: the engine's `eventTtl`. */
  readonly ttl?: Duration;
  /** Instead of the current scope. */
  readonly scope?: Partial<Scope>;
  /** The EntityManager of a TypeORM transaction: the event is published if and only if it commits. */
  readonly manager?: StoreTransaction;
}

/** A page of events, newest first unless asked otherwise. */
export interface EventList {
  readonly events: readonly Event[];
  /** Pass it as `cursor` for the next page; left out on the last one. */
  readonly nextCursor?: string;
}

/** Filters of a list, with times as `Date`. */
export type ListEventsQuery = Omit<ListEventsOptions, 'since' | 'until' | 'scope'> &
  ScopeOption & {
    /** Published at or after. */
    readonly since?: Date;
    /** Published before. */
    readonly until?: Date;
  };

export interface EventServiceOptions {
  readonly store: () => Promise<EventStore>;
  readonly scopes: ScopePolicy;
  readonly codecs: CodecRegistry;
  readonly maxPayloadBytes: number;
  readonly eventTtlMs: number;
}

const NO_SCOPE: Scope = { appId: '', orgId: '' };

/** Publishes events and looks at them (`dispatch.events`). Everything is limited to the current scope, or the one given. */
export class EventService {
  constructor(private readonly options: EventServiceOptions) {}

  /**
   * Publishes an event to every run of its scope that waits for it, or comes to wait for it while it is kept.
   *
   * @throws PayloadError, InvalidOptionsError, ScopeRequiredError, StoreUnavailableError
   */
  async publish<Payload>(
    event: EventDefinition<Payload> | string,
    payload?: Payload,
    options: PublishEventOptions = {},
  ): Promise<Event<Payload>> {
    const row = this.create(eventNameOf(event), payload, options);
    const store = await this.options.store();
    const { now } = options.manager
      ? await store.publishEvents([row], { transaction: options.manager })
      : await publish(store, row);
    const { ttlMs, ...facts } = row;
    return toEvent<Payload>({ ...facts, createdAt: now, expiresAt: now + ttlMs }, this.options.codecs);
  }

  /** @returns `null` when there is no such event @throws InvalidIdError */
  async get(id: string, options: ScopeOption = {}): Promise<Event | null> {
    const scope = this.options.scopes.resolve('events.get', options.scope);
    const record = await (await this.options.store()).getEvent(parseEventId(id), scope);
    return record && toEvent(record, this.options.codecs);
  }

  /** @throws InvalidOptionsError for a filter that is none, a limit out of range or a foreign cursor */
  async list(query: ListEventsQuery = {}): Promise<EventList> {
    const scope = this.options.scopes.resolve('events.list', query.scope);
    const { scope: _, since, until, ...rest } = query;
    if (rest.name !== undefined) checkName('name', rest.name);
    const page = await (
      await this.options.store()
    ).listEvents({
      ...rest,
      ...(since === undefined ? {} : { since: toTime('since', since) }),
      ...(until === undefined ? {} : { until: toTime('until', until) }),
      ...(scope ? { scope } : {}),
    });
    const events = page.events.map((record) => toEvent(record, this.options.codecs));
    return { events, ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }) };
  }

  private create(name: string, payload: unknown, { key, runId, ttl, scope: given }: PublishEventOptions): NewEvent {
    const { scopes, codecs, maxPayloadBytes, eventTtlMs } = this.options;
    const scope = scopes.resolve('publishEvent', given) ?? NO_SCOPE;
    return {
      id: newEventId(),
      name: checkName('event name', name),
      key: key === undefined ? null : checkKey('key', key),
      runId: runId === undefined ? null : parseRunId(runId),
      payload: encodePayload(`event "${name}"`, payload, codecs.current, maxPayloadBytes),
      codec: codecs.current.name,
      scopeAppId: scope.appId,
      scopeOrgId: scope.orgId,
      ttlMs: ttl === undefined ? eventTtlMs : duration('ttl', ttl),
    };
  }
}

/** The id was made before the call, so a publish whose answer was lost can be repeated safely. */
async function publish(store: EventStore, event: NewEvent): Promise<{ readonly now: number }> {
  try {
    return await store.publishEvents([event]);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return store.publishEvents([event], { retry: true });
  }
}

function duration(label: string, value: Duration): number {
  try {
    return toMs(value, label);
  } catch (cause) {
    throw new InvalidOptionsError((cause as Error).message, { cause });
  }
}

function toTime(label: string, value: unknown): number {
  const ms = value instanceof Date ? value.getTime() : Number.NaN;
  if (Number.isNaN(ms)) throw new InvalidOptionsError(`"${label}" must be a valid Date (got ${String(value)}).`);
  return ms;
}
