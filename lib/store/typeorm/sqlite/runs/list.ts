import { ID_PREFIX } from '../../../../id/ids.js';
import type { RunId } from '../../../../id/ids.js';
import type { Scope } from '../../../../scope/scope.js';
import type { CheckpointRecord } from '../../../../workflow/checkpoint.js';
import { type RunEnd, RUN_STATES, type RunState } from '../../../../workflow/run-state.js';
import type { ListRunsOptions, RunCounts, RunFilter, RunPage } from '../../../../workflow/workflow-store.js';
import { checkLimit, checkOrder, decodeCursor, encodeCursor } from '../../../cursor.js';
import type { Tx } from '../session.js';
import { Conditions } from '../sql/conditions.js';
import { findRun } from './actions.js';
import { type CheckpointRow, type RunRow, toCheckpoint, toRunRecord } from './rows.js';

const CHECKPOINTS = 'SELECT * FROM dispatch_checkpoints WHERE run_id = ? ORDER BY generation, seq';

const ENDED_BEFORE = 'SELECT id FROM dispatch_runs WHERE state = ? AND completed_at < ? ORDER BY completed_at LIMIT ?';

const DELETES = [
  'DELETE FROM dispatch_checkpoints WHERE run_id = ?',
  'DELETE FROM dispatch_waits WHERE run_id = ?',
  'DELETE FROM dispatch_runs WHERE id = ?',
];

export function listRuns(tx: Tx, options: ListRunsOptions): RunPage {
  const limit = checkLimit(options.limit);
  const ascending = checkOrder(options.order) === 'asc';
  const where = conditionsOf(options);
  if (options.states) where.add(`state IN (${options.states.map(() => '?').join(', ')})`, ...options.states);
  if (options.cursor !== undefined) {
    const { at, id } = decodeCursor(options.cursor, ID_PREFIX.run);
    where.add(`(created_at, id) ${ascending ? '>' : '<'} (?, ?)`, at, id);
  }
  if (limit === 0 || options.states?.length === 0) return { runs: [] };
  const order = ascending ? 'ASC' : 'DESC';
  const sql = `SELECT * FROM dispatch_runs ${where.text} ORDER BY created_at ${order}, id ${order} LIMIT ?`;
  const rows = tx.sql<RunRow>(sql).all(...where.parameters, limit + 1);
  const runs = rows.slice(0, limit).map(toRunRecord);
  const last = runs.at(-1);
  return rows.length > limit && last
    ? { runs, nextCursor: encodeCursor({ at: last.createdAt, id: last.id }) }
    : { runs };
}

export function countRuns(tx: Tx, filter: RunFilter): RunCounts {
  const where = conditionsOf(filter);
  const sql = `SELECT state, count(*) AS runs FROM dispatch_runs ${where.text} GROUP BY state`;
  const counts = Object.fromEntries(RUN_STATES.map((state) => [state, 0])) as Record<RunState, number>;
  for (const { state, runs } of tx.sql<{ state: RunState; runs: number }>(sql).all(...where.parameters))
    counts[state] = runs;
  return counts;
}

export function listCheckpoints(tx: Tx, id: RunId, scope?: Scope): readonly CheckpointRecord[] {
  if (scope && !findRun(tx, id, scope)) return [];
  return tx.sql<CheckpointRow>(CHECKPOINTS).all(id).map(toCheckpoint);
}

export function pruneRuns(
  tx: Tx,
  { state, olderThanMs, limit }: { readonly state: RunEnd; readonly olderThanMs: number; readonly limit: number },
): number {
  const ids = tx
    .sql(ENDED_BEFORE)
    .pluck()
    .all(state, tx.now - olderThanMs, limit) as RunId[];
  for (const id of ids) for (const sql of DELETES) tx.sql(sql).run(id);
  return ids.length;
}

function conditionsOf(filter: Omit<RunFilter, 'states'>): Conditions {
  const where = new Conditions().scope(filter.scope);
  if (filter.name !== undefined) where.add('name = ?', filter.name);
  if (filter.parentRunId !== undefined) where.add('parent_run_id = ?', filter.parentRunId);
  if (filter.since !== undefined) where.add('created_at >= ?', filter.since);
  if (filter.until !== undefined) where.add('created_at < ?', filter.until);
  return where;
}
