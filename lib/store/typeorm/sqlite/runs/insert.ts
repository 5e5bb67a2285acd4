import type { NewRun, RunRecord } from '../../../../workflow/run-record.js';
import type { InsertRunsResult } from '../../../../workflow/workflow-store.js';
import { toJson } from '../rows.js';
import type { Tx } from '../session.js';
import { type RunRow, toRunRecord } from './rows.js';

const INSERT = `
  INSERT INTO dispatch_runs (
    id, name, version, state, wake_at, max_retries, timeout_ms, created_at, updated_at, codec, scope_app_id, scope_org_id,
    parent_run_id, parent_key, on_parent_cancel, idempotency_key, headers, input)
  VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const INSERT_KEYED = `${INSERT}
  ON CONFLICT (idempotency_key, name, scope_app_id, scope_org_id) WHERE idempotency_key IS NOT NULL DO NOTHING`;

const HOLDER = `
  SELECT * FROM dispatch_runs WHERE idempotency_key = ? AND name = ? AND scope_app_id = ? AND scope_org_id = ?`;

const EXISTS = 'SELECT 1 FROM dispatch_runs WHERE id = ?';

const CHILD_EXISTS = 'SELECT 1 FROM dispatch_runs WHERE id = ? OR (parent_run_id = ? AND parent_key = ?)';

/** Inserts runs in the order given. @param retry rows whose id is there already count as inserted */
export function insertRuns(tx: Tx, runs: readonly NewRun[], retry: boolean): InsertRunsResult {
  const existing = new Map<number, RunRecord>();
  for (const [index, run] of runs.entries()) {
    if (retry && tx.sql(EXISTS).get(run.id) !== undefined) continue;
    if (run.idempotencyKey !== null && tx.sql(INSERT_KEYED).run(...valuesOf(run, tx.now)).changes === 0) {
      const holder = tx.sql<RunRow>(HOLDER).get(run.idempotencyKey, run.name, run.scopeAppId, run.scopeOrgId)!;
      existing.set(index, toRunRecord(holder));
      continue;
    }
    if (run.idempotencyKey === null) tx.sql(INSERT).run(...valuesOf(run, tx.now));
    tx.wakes.runs(run.name, 0);
  }
  return { now: tx.now, existing };
}

/** Inserts a child unless it, or one with its key, is there. */
export function insertChild(tx: Tx, run: NewRun): void {
  if (tx.sql(CHILD_EXISTS).get(run.id, run.parentRunId, run.parentKey) !== undefined) return;
  tx.sql(INSERT).run(...valuesOf(run, tx.now));
  tx.wakes.runs(run.name, 0);
}

function valuesOf(run: NewRun, now: number): readonly unknown[] {
  return [
    run.id,
    run.name,
    run.version,
    now,
    run.maxRetries,
    run.timeoutMs,
    now,
    now,
    run.codec,
    run.scopeAppId,
    run.scopeOrgId,
    run.parentRunId,
    run.parentKey,
    run.onParentCancel,
    run.idempotencyKey,
    toJson(run.headers),
    run.input,
  ];
}
