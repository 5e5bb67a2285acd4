import type { EventRecord } from '../../../../event/event-record.js';
import type { RunId, WorkerId } from '../../../../id/ids.js';
import type { CheckpointRecord } from '../../../../workflow/checkpoint.js';
import type { HeldRun } from '../../../../workflow/run-record.js';
import type { RunHistory } from '../../../../workflow/workflow-store.js';
import type { EndedChild, OpenWaits } from '../../../../workflow/wait.js';
import { fromJson } from '../rows.js';
import type { Tx } from '../session.js';
import {
  type CheckpointRow,
  type EventRow,
  type RunRow,
  type WaitRow,
  toCheckpoint,
  toEventRecord,
  toWait,
} from './rows.js';

const HELD = 'SELECT * FROM dispatch_runs WHERE id = ? AND worker_id = ? AND attempt = ?';
const CHECKPOINTS = 'SELECT * FROM dispatch_checkpoints WHERE run_id = ? AND generation = ? ORDER BY seq';
const WAITS = 'SELECT * FROM dispatch_waits WHERE run_id = ? ORDER BY key, part';

/** SQL: that the event `e` is one that the wait `w` of the run `r` is for. Parameter: now. */
export const MEETS = `
  e.name = w.event_name AND (w.event_key IS NULL OR e.key = w.event_key) AND (e.run_id IS NULL OR e.run_id = r.id)
  AND e.scope_app_id = r.scope_app_id AND e.scope_org_id = r.scope_org_id AND e.created_at >= w.since_at AND e.expires_at > ?
  AND NOT EXISTS (SELECT 1 FROM json_each(w.rejected) WHERE value = e.id)
  AND NOT EXISTS (
    SELECT 1 FROM dispatch_checkpoints c WHERE c.run_id = r.id AND c.generation = r.generation AND c.event_id = e.id)`;

// The waits come first: a run has few of them, and each names its events.
const EVENTS = `
  SELECT DISTINCT e.* FROM dispatch_runs r CROSS JOIN dispatch_waits w CROSS JOIN dispatch_events e
  WHERE r.id = ? AND w.run_id = r.id AND w.event_name IS NOT NULL AND ${MEETS}
  ORDER BY e.created_at, e.id`;

const CHILDREN = `
  SELECT id, state, output, codec, error FROM dispatch_runs
  WHERE id IN (SELECT child_run_id FROM dispatch_waits WHERE run_id = ? AND child_run_id IS NOT NULL)
    AND state IN ('completed', 'failed', 'cancelled')`;

type ChildRow = Pick<RunRow, 'id' | 'output' | 'codec' | 'error'> & { readonly state: EndedChild['state'] };

/** The run, if this worker and attempt hold it. */
export function heldRun(tx: Tx, workerId: WorkerId, { id, attempt }: HeldRun): RunRow | undefined {
  return tx.sql<RunRow>(HELD).get(id, workerId, attempt);
}

/** What the run waits for and what has come of it. */
export function openWaits(tx: Tx, id: RunId): OpenWaits {
  const waits = tx.sql<WaitRow>(WAITS).all(id);
  const events: readonly EventRecord[] = waits.some(({ event_name }) => event_name !== null)
    ? tx.sql<EventRow>(EVENTS).all(id, tx.now).map(toEventRecord)
    : [];
  return { now: tx.now, waits: waits.map(toWait), events, children: endedChildren(tx, id, waits) };
}

function endedChildren(tx: Tx, id: RunId, waits: readonly WaitRow[]): readonly EndedChild[] {
  if (!waits.some(({ child_run_id }) => child_run_id !== null)) return [];
  const rows = tx.sql<ChildRow>(CHILDREN).all(id);
  return rows.map(({ error, ...child }) => ({ ...child, error: fromJson(error) }));
}

/** The checkpoints of a generation. */
export function checkpointsOf(tx: Tx, id: RunId, generation: number): readonly CheckpointRecord[] {
  return tx.sql<CheckpointRow>(CHECKPOINTS).all(id, generation).map(toCheckpoint);
}

export function loadHistory(tx: Tx, workerId: WorkerId, runs: readonly HeldRun[]): ReadonlyMap<RunId, RunHistory> {
  const found = new Map<RunId, RunHistory>();
  for (const held of runs) {
    const run = heldRun(tx, workerId, held);
    if (run) found.set(run.id, { ...openWaits(tx, run.id), checkpoints: checkpointsOf(tx, run.id, run.generation) });
  }
  return found;
}

export function loadWaits(tx: Tx, workerId: WorkerId, runs: readonly HeldRun[]): ReadonlyMap<RunId, OpenWaits> {
  const found = new Map<RunId, OpenWaits>();
  for (const held of runs) if (heldRun(tx, workerId, held)) found.set(held.id, openWaits(tx, held.id));
  return found;
}
