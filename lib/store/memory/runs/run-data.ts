import type { EventRecord } from '../../../event/event-record.js';
import { ID_PREFIX, type RunId, type WorkerId } from '../../../id/ids.js';
import type { RunFacts } from '../../../workflow/run-record.js';
import type { RunEnd } from '../../../workflow/run-state.js';
import type { WakeList } from '../../wake-list.js';
import { SortedRows } from '../sorted-rows.js';
import { DueRuns } from './due-runs.js';
import type { MemoryRun } from './memory-run.js';

/** What a memory store holds of runs and events. */
export class RunData {
  readonly runs = new SortedRows<MemoryRun>(ID_PREFIX.run, ({ createdAt }) => createdAt);
  readonly due = new DueRuns();
  readonly byIdempotencyKey = new Map<string, MemoryRun>();
  readonly children = new Map<RunId, MemoryRun[]>();
  /** Held runs by their worker. */
  readonly held = new Map<WorkerId, Set<MemoryRun>>();
  readonly events = new SortedRows<EventRecord>(ID_PREFIX.event, ({ createdAt }) => createdAt);
  /** The runs that wait for events, by their names. */
  readonly waiting = new Map<string, Set<MemoryRun>>();

  add(run: MemoryRun): void {
    this.runs.add(run);
    if (run.idempotencyKey !== null) this.byIdempotencyKey.set(idempotencyText(run), run);
    if (run.parentRunId === null) return;
    const siblings = this.children.get(run.parentRunId);
    if (siblings) siblings.push(run);
    else this.children.set(run.parentRunId, [run]);
  }

  /** Sets when a run that nobody holds is due; `null`: at no time. */
  wake(run: MemoryRun, at: number | null, now: number, wakes: WakeList): void {
    this.due.remove(run);
    run.wakeAt = at;
    run.updatedAt = now;
    this.due.add(run);
    if (at !== null) wakes.runs(run.name, at - now);
  }

  hold(run: MemoryRun, workerId: WorkerId): void {
    this.due.remove(run);
    run.wakeAt = null;
    run.workerId = workerId;
    const held = this.held.get(workerId);
    if (held) held.add(run);
    else this.held.set(workerId, new Set([run]));
  }

  letGo(run: MemoryRun): void {
    if (run.workerId === null) return;
    const held = this.held.get(run.workerId);
    held?.delete(run);
    if (held?.size === 0) this.held.delete(run.workerId);
    run.workerId = null;
  }

  /** Ends a run and wakes its parent. */
  end(run: MemoryRun, state: RunEnd, now: number, wakes: WakeList): void {
    this.due.remove(run);
    this.letGo(run);
    this.setWaits(run, []);
    Object.assign(run, { state, wakeAt: null, completedAt: now, updatedAt: now, suspect: false });
    const parent = run.parentRunId === null ? undefined : this.runs.get(run.parentRunId);
    if (!parent?.waits.some(({ childRunId }) => childRunId === run.id)) return;
    if (parent.workerId !== null) wakes.signal(parent.id);
    else this.wake(parent, now, now, wakes);
  }

  setWaits(run: MemoryRun, waits: MemoryRun['waits']): void {
    const before = eventNames(run);
    run.waits = waits;
    const after = eventNames(run);
    for (const name of before) if (!after.has(name)) this.waiting.get(name)?.delete(run);
    for (const name of after) {
      const runs = this.waiting.get(name);
      if (runs) runs.add(run);
      else this.waiting.set(name, new Set([run]));
    }
  }

  /** Removes a run that has ended. */
  remove(run: MemoryRun): void {
    this.runs.delete(run.id);
    if (run.idempotencyKey !== null) this.byIdempotencyKey.delete(idempotencyText(run));
    this.children.delete(run.id);
    if (run.parentRunId === null) return;
    const siblings = this.children.get(run.parentRunId);
    if (siblings) siblings.splice(siblings.indexOf(run), 1);
  }
}

function eventNames(run: MemoryRun): ReadonlySet<string> {
  return new Set(run.waits.flatMap(({ eventName }) => eventName ?? []));
}

/** An idempotency key with all that it is unique in, as one text. */
export function idempotencyText({ scopeAppId, scopeOrgId, name, idempotencyKey }: RunFacts): string {
  return JSON.stringify([scopeAppId, scopeOrgId, name, idempotencyKey]);
}
