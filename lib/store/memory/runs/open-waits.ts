import type { EventRecord } from '../../../event/event-record.js';
import { isRunEnded } from '../../../workflow/run-state.js';
import type { EndedChild, OpenWaits } from '../../../workflow/wait.js';
import type { MemoryData } from '../memory-data.js';
import { type MemoryRun, type MemoryWait, copyError, currentCheckpoints } from './memory-run.js';

/** Whether an event is one that a wait of the run is for. */
export function meets(event: EventRecord, wait: MemoryWait, run: MemoryRun, now: number): boolean {
  return (
    event.name === wait.eventName &&
    (wait.eventKey === null || wait.eventKey === event.key) &&
    (event.runId === null || event.runId === run.id) &&
    event.scopeAppId === run.scopeAppId &&
    event.scopeOrgId === run.scopeOrgId &&
    event.createdAt >= wait.sinceAt &&
    event.expiresAt > now &&
    !wait.rejected.includes(event.id)
  );
}

/** What the run waits for and what has come of it. */
export function openWaits(data: MemoryData, run: MemoryRun, now: number): OpenWaits {
  return {
    now,
    waits: run.waits.map(({ sinceAt: _, ...wait }) => ({
      ...wait,
      rejected: [...wait.rejected],
      error: copyError(wait.error),
    })),
    events: eventsFor(data, run, now),
    children: run.waits.flatMap(({ childRunId }) => endedChild(data, childRunId) ?? []),
  };
}

/** Whether one of the run's waits is met: by an event, or by a child that has ended. */
export function isMet(data: MemoryData, run: MemoryRun, now: number): boolean {
  return (
    run.waits.some(({ childRunId }) => endedChild(data, childRunId)) ||
    (run.waits.some(({ eventName }) => eventName !== null) && eventsFor(data, run, now).length > 0)
  );
}

function eventsFor(data: MemoryData, run: MemoryRun, now: number): readonly EventRecord[] {
  const waits = run.waits.filter(({ eventName }) => eventName !== null);
  if (waits.length === 0) return [];
  const consumed = new Set(currentCheckpoints(run).map(({ eventId }) => eventId));
  const events: EventRecord[] = [];
  for (const event of data.runs.events.values()) {
    if (!consumed.has(event.id) && waits.some((wait) => meets(event, wait, run, now))) events.push({ ...event });
  }
  return events.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}

function endedChild(data: MemoryData, id: MemoryWait['childRunId']): EndedChild | undefined {
  const child = id === null ? undefined : data.runs.runs.get(id);
  if (!child || !isRunEnded(child.state)) return undefined;
  return { id: child.id, state: child.state, output: child.output, codec: child.codec, error: copyError(child.error) };
}
