import { InvalidStateError } from '../../../errors.js';
import type { EventRecord, NewEvent } from '../../../event/event-record.js';
import type { EventPage, ListEventsOptions } from '../../../event/event-store.js';
import type { EventId } from '../../../id/ids.js';
import type { Scope } from '../../../scope/scope.js';
import { checkOrder } from '../../cursor.js';
import { isInScope } from '../memory-job.js';
import type { MemoryData } from '../memory-data.js';
import { meets } from './open-waits.js';

/** Inserts events and wakes the runs that wait for them. @param retry events that are there already count */
export function publishEvents(
  data: MemoryData,
  events: readonly NewEvent[],
  retry: boolean,
  now: number,
): { readonly now: number } {
  const known = data.runs.events;
  const taken = retry ? undefined : events.find(({ id }) => known.has(id));
  if (taken) throw new InvalidStateError(`there is an event ${taken.id} already.`, 'published');
  for (const { ttlMs, ...facts } of events) {
    if (known.has(facts.id)) continue;
    const event = { ...facts, createdAt: now, expiresAt: now + ttlMs };
    known.add(event);
    wakeFor(data, event, now);
  }
  return { now };
}

function wakeFor(data: MemoryData, event: EventRecord, now: number): void {
  for (const run of data.runs.waiting.get(event.name) ?? []) {
    if (!run.waits.some((wait) => meets(event, wait, run, now))) continue;
    if (run.workerId !== null) data.wakes.signal(run.id);
    else data.runs.wake(run, Math.min(now, run.wakeAt ?? now), now, data.wakes);
  }
}

/** One event; `null` when it is not there, or of another scope. */
export function getEvent(data: MemoryData, id: EventId, scope: Scope | undefined): EventRecord | null {
  const event = data.runs.events.get(id);
  return event && isInScope(event, scope) ? { ...event } : null;
}

/** One page of events. */
export function listEvents(data: MemoryData, options: ListEventsOptions): EventPage {
  const { limit, cursor, name, key, since, until, scope } = options;
  const order = checkOrder(options.order);
  const { rows, ...rest } = data.runs.events.page(
    { limit, cursor, order },
    (event) =>
      (name === undefined || event.name === name) &&
      (key === undefined || event.key === key) &&
      (since === undefined || event.createdAt >= since) &&
      (until === undefined || event.createdAt < until) &&
      isInScope(event, scope),
  );
  return { events: rows.map((event) => ({ ...event })), ...rest };
}

/** Deletes expired events. @returns how many */
export function pruneEvents(data: MemoryData, limit: number, now: number): number {
  const expired: EventRecord[] = [];
  for (const event of data.runs.events.values()) if (event.expiresAt <= now) expired.push(event);
  const pruned = expired.sort((a, b) => a.expiresAt - b.expiresAt).slice(0, limit);
  for (const { id } of pruned) data.runs.events.delete(id);
  return pruned.length;
}
