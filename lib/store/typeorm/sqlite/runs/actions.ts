import { RunNotFoundError } from '../../../../errors.js';
import type { RunId } from '../../../../id/ids.js';
import type { Scope } from '../../../../scope/scope.js';
import type { CancelMode, RunRecord } from '../../../../workflow/run-record.js';
import { decideCancel, hasStepsToUndo, planRetry } from '../../../../workflow/run-decisions.js';
import { checkRunAction, noSuchCheckpoint } from '../../../../workflow/run-refusals.js';
import { isRunEnded } from '../../../../workflow/run-state.js';
import type { CancelRunOptions } from '../../../../workflow/workflow-store.js';
import type { Tx } from '../session.js';
import { Conditions } from '../sql/conditions.js';
import { checkpointsOf } from './history.js';
import { endRun, wakeRun } from './move.js';
import { type RunRow, toRunRecord } from './rows.js';

const CHILDREN = `SELECT * FROM dispatch_runs WHERE parent_run_id = ? AND on_parent_cancel = 'cancel' ORDER BY id`;

const REQUEST = `
  UPDATE dispatch_runs SET cancel_requested_at = coalesce(cancel_requested_at, ?), cancel_mode = ?, updated_at = ? WHERE seq = ?`;

const UNDO = `UPDATE dispatch_runs SET state = 'compensating', target = 'cancelled' WHERE seq = ?`;

// A waiting run has no error but that of being stuck; a compensating one keeps why. Parameters: state, two times it again, generation ...
const GO_ON = `
  UPDATE dispatch_runs SET
    state = ?, error = CASE ? WHEN 'waiting' THEN NULL ELSE error END, target = CASE ? WHEN 'waiting' THEN NULL ELSE target END,
    generation = generation + 1, replays = replays + ?, output = NULL, completed_at = NULL, retry_count = 0, suspect = 0,
    cancel_requested_at = NULL, cancel_mode = NULL, deadline_at = NULL
  WHERE seq = ?`;

const COPY = `
  INSERT INTO dispatch_checkpoints (
    run_id, generation, seq, after_seq, failed, undoable, tries, attempt, started_at, completed_at, event_id, key, error, value)
  SELECT run_id, generation + 1, seq, after_seq, failed, undoable, tries, attempt, started_at, completed_at, event_id, key, error, value
  FROM dispatch_checkpoints WHERE run_id = ? AND generation = ? AND seq IN (SELECT value FROM json_each(?))`;

const DELETE_WAITS = 'DELETE FROM dispatch_waits WHERE run_id = ?';

const FORGET_ERROR = `UPDATE dispatch_runs SET error = NULL WHERE seq = ? AND state <> 'compensating'`;

const MIGRATE = 'UPDATE dispatch_runs SET version = ?, updated_at = ? WHERE seq = ? RETURNING *';

export function findRun(tx: Tx, id: RunId, scope?: Scope): RunRow | undefined {
  const where = new Conditions().add('id = ?', id).scope(scope);
  return tx.sql<RunRow>(`SELECT * FROM dispatch_runs ${where.text}`).get(...where.parameters);
}

function requireRun(tx: Tx, id: RunId, scope?: Scope): RunRow {
  const row = findRun(tx, id, scope);
  if (!row) throw new RunNotFoundError(id);
  return row;
}

function readRun(tx: Tx, id: RunId): RunRecord {
  return toRunRecord(requireRun(tx, id));
}

interface Cancelled {
  readonly kind: 'cancelled' | 'compensating' | 'requested';
  readonly run: RunRecord;
}

/** Cancels a run and its children, or asks the workers that hold them. */
export function cancelRun(tx: Tx, id: RunId, { mode, scope }: CancelRunOptions): Cancelled {
  const row = requireRun(tx, id, scope);
  checkRunAction('cancel', toRunRecord(row));
  const kind = cancel(tx, row, mode);
  cancelChildren(tx, id, mode);
  return { kind, run: readRun(tx, id) };
}

function cancelChildren(tx: Tx, id: RunId, mode: CancelMode): void {
  for (const child of tx.sql<RunRow>(CHILDREN).all(id)) {
    if (!isRunEnded(child.state)) cancel(tx, child, mode);
    cancelChildren(tx, child.id, mode);
  }
}

function cancel(tx: Tx, row: RunRow, mode: CancelMode): Cancelled['kind'] {
  const undo = hasStepsToUndo(checkpointsOf(tx, row.id, row.generation));
  const kind = decideCancel(toRunRecord(row), mode, undo);
  tx.sql(REQUEST).run(tx.now, mode, tx.now, row.seq);
  if (kind === 'requested') tx.wakes.cancelRun(row.id, row.worker_id!);
  else if (kind === 'cancelled') endRun(tx, row, 'cancelled', null, row.error);
  else {
    tx.sql(UNDO).run(row.seq);
    wakeRun(tx, row, tx.now);
  }
  return kind;
}

export function retryRun(tx: Tx, id: RunId, scope?: Scope): RunRecord {
  const row = requireRun(tx, id, scope);
  checkRunAction('retry', toRunRecord(row));
  const { state, keep } = planRetry(checkpointsOf(tx, id, row.generation));
  return goOn(tx, row, { state, keep: keep.map(({ seq }) => seq), replays: 0 });
}

export function replayRun(tx: Tx, id: RunId, key: string, scope?: Scope): RunRecord {
  const row = requireRun(tx, id, scope);
  checkRunAction('replay', toRunRecord(row));
  const checkpoints = checkpointsOf(tx, id, row.generation);
  const from = checkpoints.find((checkpoint) => checkpoint.key === key);
  if (!from) throw noSuchCheckpoint(id, key, row.state);
  const keep = checkpoints.map(({ seq }) => seq).filter((seq) => seq < from.seq);
  return goOn(tx, row, { state: 'waiting', keep, replays: 1 });
}

interface NextGeneration {
  readonly state: 'waiting' | 'compensating';
  readonly keep: readonly number[];
  readonly replays: number;
}

function goOn(tx: Tx, row: RunRow, { state, keep, replays }: NextGeneration): RunRecord {
  tx.sql(COPY).run(row.id, row.generation, JSON.stringify(keep));
  tx.sql(DELETE_WAITS).run(row.id);
  tx.sql(GO_ON).run(state, state, state, replays, row.seq);
  wakeRun(tx, row, tx.now);
  return readRun(tx, row.id);
}

export function resumeRun(tx: Tx, id: RunId, scope?: Scope): RunRecord {
  const row = requireRun(tx, id, scope);
  checkRunAction('resume', toRunRecord(row));
  tx.sql(FORGET_ERROR).run(row.seq);
  wakeRun(tx, row, tx.now);
  return readRun(tx, id);
}

export function migrateRun(tx: Tx, id: RunId, version: number, scope?: Scope): RunRecord {
  const row = requireRun(tx, id, scope);
  checkRunAction('migrate', toRunRecord(row));
  const moved = tx.sql<RunRow>(MIGRATE).get(version, tx.now, row.seq)!;
  if (moved.wake_at !== null) tx.wakes.runs(moved.name, moved.wake_at - tx.now);
  return toRunRecord(moved);
}
