import { InvalidStateError, JobAlreadyCompleteError, JobNotFoundError } from '../../../../errors.js';
import type { JobId } from '../../../../id/ids.js';
import type { JobRecord } from '../../../../job/job-record.js';
import type { PruneJobsOptions } from '../../../../job/job-store.js';
import type { Scope } from '../../../../scope/scope.js';
import { type JobRow, toJobRecord } from '../rows.js';
import type { Tx } from '../session.js';
import { Conditions } from './conditions.js';
import { closeDlqEntryOf } from './dlq.js';

const CANCEL_WAITING = `
  UPDATE dispatch_jobs SET state = 'cancelled', phase = 0, suspect = 0, key_held = 0, completed_at = ?, updated_at = ?
  WHERE seq = ? AND state IN ('pending', 'retrying')
  RETURNING *`;

const REQUEST_CANCEL = `
  UPDATE dispatch_jobs SET cancel_requested_at = coalesce(cancel_requested_at, ?), updated_at = ?
  WHERE seq = ? AND state = 'running'
  RETURNING *`;

// The key comes back when no job holds it, or only one whose window has passed.
const FREE_EXPIRED_KEY = `
  UPDATE dispatch_jobs SET key_held = 0, unique_key = NULL, unique_until = NULL
  WHERE key_held = 1 AND unique_until <= ? AND unique_key = ? AND name = ? AND scope_app_id = ? AND scope_org_id = ?`;

const KEY_IS_HELD = `
  SELECT 1 FROM dispatch_jobs WHERE key_held = 1 AND unique_key = ? AND name = ? AND scope_app_id = ? AND scope_org_id = ?`;

const REOPEN = `
  UPDATE dispatch_jobs SET
    state = 'pending', phase = 1, run_at = ?, retry_count = 0, result = NULL, completed_at = NULL,
    cancel_requested_at = NULL, unique_key = ?, unique_until = ?, key_held = ?, updated_at = ?
  WHERE seq = ? AND state IN ('failed', 'cancelled')
  RETURNING *`;

const DELETE = `DELETE FROM dispatch_jobs WHERE seq = ? AND state <> 'running'`;
const DELETE_LOGS = 'DELETE FROM dispatch_job_logs WHERE job_id = ?';
const DELETE_DLQ = 'DELETE FROM dispatch_dlq WHERE job_id = ?';

const ENDED_BEFORE = `SELECT seq, id FROM dispatch_jobs WHERE state = ? AND completed_at < ? ORDER BY completed_at LIMIT ?`;

export function findJob(tx: Tx, id: JobId, scope?: Scope): JobRow | undefined {
  const where = new Conditions().add('id = ?', id).scope(scope);
  return tx.sql<JobRow>(`SELECT * FROM dispatch_jobs ${where.text}`).get(...where.parameters);
}

function requireJob(tx: Tx, id: JobId, scope?: Scope): JobRow {
  const row = findJob(tx, id, scope);
  if (!row) throw new JobNotFoundError(id);
  return row;
}

/** Under the write lock nothing changes between the look at the state and the write; the write checks it all the same. */
export function cancelJob(
  tx: Tx,
  id: JobId,
  scope?: Scope,
): { readonly kind: 'cancelled' | 'requested'; readonly job: JobRecord } {
  const row = requireJob(tx, id, scope);
  const cancelled = tx.sql<JobRow>(CANCEL_WAITING).get(tx.now, tx.now, row.seq);
  if (cancelled) return { kind: 'cancelled', job: toJobRecord(cancelled) };
  const requested = tx.sql<JobRow>(REQUEST_CANCEL).get(tx.now, tx.now, row.seq);
  if (!requested) throw new JobAlreadyCompleteError(id, row.state);
  tx.wakes.cancel(id, requested.worker_id!);
  return { kind: 'requested', job: toJobRecord(requested) };
}

export function retryJob(tx: Tx, id: JobId, scope?: Scope): JobRecord {
  const row = requireJob(tx, id, scope);
  if (row.state !== 'failed' && row.state !== 'cancelled') {
    throw new InvalidStateError(`job ${id} is ${row.state}: only failed and cancelled jobs can be retried.`, row.state);
  }
  const takesKey = row.unique_key !== null && keyIsFree(tx, row);
  const uniqueKey = takesKey ? row.unique_key : null;
  const reopened = tx
    .sql<JobRow>(REOPEN)
    .get(tx.now, uniqueKey, takesKey ? row.unique_until : null, takesKey ? 1 : 0, tx.now, row.seq)!;
  closeDlqEntryOf(tx, id);
  tx.wakes.ready(reopened.queue, 0);
  return toJobRecord(reopened);
}

function keyIsFree(tx: Tx, row: JobRow): boolean {
  const key = [row.unique_key, row.name, row.scope_app_id, row.scope_org_id];
  tx.sql(FREE_EXPIRED_KEY).run(tx.now, ...key);
  return tx.sql(KEY_IS_HELD).get(...key) === undefined;
}

export function discardJob(tx: Tx, id: JobId, scope?: Scope): void {
  const row = requireJob(tx, id, scope);
  if (tx.sql(DELETE).run(row.seq).changes === 0) {
    throw new InvalidStateError(`job ${id} is running: cancel it first.`, row.state);
  }
  tx.sql(DELETE_LOGS).run(id);
  tx.sql(DELETE_DLQ).run(id);
}

/** Deletes with the jobs their log lines; dead-letter entries live on and are purged on their own. */
export function pruneJobs(tx: Tx, { state, olderThanMs, limit }: PruneJobsOptions): number {
  const rows = tx.sql<Pick<JobRow, 'seq' | 'id'>>(ENDED_BEFORE).all(state, tx.now - olderThanMs, limit);
  for (const { seq, id } of rows) {
    tx.sql(DELETE).run(seq);
    tx.sql(DELETE_LOGS).run(id);
  }
  return rows.length;
}
