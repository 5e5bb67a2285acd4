import type { DlqEntryRecord } from '../../../../dlq/dlq-entry.js';
import type { DlqFilter, DlqPage, ListDlqOptions, ReplayDlqOptions } from '../../../../dlq/dlq-store.js';
import { DlqEntryNotFoundError, InvalidStateError } from '../../../../errors.js';
import { type DlqId, ID_PREFIX, type JobId } from '../../../../id/ids.js';
import type { JobRecord } from '../../../../job/job-record.js';
import type { Scope } from '../../../../scope/scope.js';
import { checkLimit, checkOffset, decodeCursor, encodeCursor } from '../../../cursor.js';
import { type DlqRow, type JobRow, toDlqEntry, toJobRecord } from '../rows.js';
import type { Tx } from '../session.js';
import { Conditions } from './conditions.js';

// Written in the transaction that failed the job, from the row as it is then. Parameters: entry, now, job.
const ADD = `
  INSERT INTO dispatch_dlq (
    id, job_id, job_name, queue, payload, codec, priority, timeout_ms, backoff, group_key, headers, errors,
    retry_count, max_retries, scope_app_id, scope_org_id, failed_at)
  SELECT ?, id, name, queue, payload, codec, priority, timeout_ms, backoff, group_key, headers, errors,
    retry_count, max_retries, scope_app_id, scope_org_id, ?
  FROM dispatch_jobs WHERE id = ?`;

const CLOSE_OF_JOB =
  'UPDATE dispatch_dlq SET replayed_at = ?, replay_job_id = ? WHERE job_id = ? AND replayed_at IS NULL';

const CLOSE = 'UPDATE dispatch_dlq SET replayed_at = ?, replay_job_id = ? WHERE id = ?';

const INSERT_REPLAY = `
  INSERT INTO dispatch_jobs (
    id, name, queue, payload, codec, state, phase, priority, run_at, max_retries, timeout_ms, backoff, group_key,
    headers, scope_app_id, scope_org_id, created_at, updated_at)
  SELECT ?, job_name, queue, ?, ?, 'pending', 1, priority, ?, max_retries, timeout_ms, backoff, group_key,
    headers, scope_app_id, scope_org_id, ?, ?
  FROM dispatch_dlq WHERE id = ?
  RETURNING *`;

/** Writes the dead-letter entry of a job that has just failed. */
export function addDlqEntry(tx: Tx, id: DlqId, jobId: JobId): void {
  tx.sql(ADD).run(id, tx.now, jobId);
}

/** Closes the open entry of a job that is retried in place. */
export function closeDlqEntryOf(tx: Tx, jobId: JobId): void {
  tx.sql(CLOSE_OF_JOB).run(tx.now, jobId, jobId);
}

export function listDlq(tx: Tx, options: ListDlqOptions): DlqPage {
  const limit = checkLimit(options.limit);
  const offset = checkOffset(options.offset);
  const where = conditionsOf(options);
  if (options.cursor !== undefined) {
    const { at, id } = decodeCursor(options.cursor, ID_PREFIX.dlq);
    where.add('(failed_at, id) < (?, ?)', at, id);
  }
  if (limit === 0) return { entries: [] };
  const sql = `SELECT * FROM dispatch_dlq ${where.text} ORDER BY failed_at DESC, id DESC LIMIT ? OFFSET ?`;
  const rows = tx.sql<DlqRow>(sql).all(...where.parameters, limit + 1, offset);
  const entries = rows.slice(0, limit).map(toDlqEntry);
  const last = entries.at(-1);
  return rows.length > limit && last
    ? { entries, nextCursor: encodeCursor({ at: last.failedAt, id: last.id }) }
    : { entries };
}

export function getDlqEntry(tx: Tx, id: DlqId, scope?: Scope): DlqEntryRecord | null {
  const where = new Conditions().add('id = ?', id).scope(scope);
  const row = tx.sql<DlqRow>(`SELECT * FROM dispatch_dlq ${where.text}`).get(...where.parameters);
  return row ? toDlqEntry(row) : null;
}

export function countDlq(tx: Tx, filter: DlqFilter): number {
  const where = conditionsOf(filter);
  return tx
    .sql(`SELECT count(*) FROM dispatch_dlq ${where.text}`)
    .pluck()
    .get(...where.parameters) as number;
}

/** Inserts a new job from an entry and closes it; the write lock lets one of two replays win. */
export function replayDlqEntry(tx: Tx, id: DlqId, options: ReplayDlqOptions): JobRecord {
  const entry = getDlqEntry(tx, id, options.scope);
  if (!entry) throw new DlqEntryNotFoundError(id);
  if (entry.replayedAt !== null && !options.force) {
    throw new InvalidStateError(
      `dead-letter entry ${id} was replayed before, as ${entry.replayJobId}. Pass force to replay it again.`,
      'replayed',
    );
  }
  const payload = options.payload ? options.payload.text : entry.payload;
  const codec = options.payload ? options.payload.codec : entry.codec;
  const row = tx.sql<JobRow>(INSERT_REPLAY).get(options.jobId, payload, codec, tx.now, tx.now, tx.now, id)!;
  tx.sql(CLOSE).run(tx.now, options.jobId, id);
  tx.wakes.ready(row.queue, 0);
  return toJobRecord(row);
}

export function purgeDlq(
  tx: Tx,
  options: { readonly olderThanMs: number; readonly limit: number; readonly scope?: Scope },
): number {
  const where = new Conditions().add('failed_at < ?', tx.now - options.olderThanMs).scope(options.scope);
  const sql = `
    DELETE FROM dispatch_dlq
    WHERE seq IN (SELECT seq FROM dispatch_dlq ${where.text} ORDER BY failed_at, id LIMIT ?)`;
  return tx.sql(sql).run(...where.parameters, options.limit).changes;
}

function conditionsOf(filter: DlqFilter): Conditions {
  const where = new Conditions().scope(filter.scope);
  if (filter.queue !== undefined) where.add('queue = ?', filter.queue);
  if (filter.name !== undefined) where.add('job_name = ?', filter.name);
  if (filter.status === 'open') where.add('replayed_at IS NULL');
  if (filter.status === 'replayed') where.add('replayed_at IS NOT NULL');
  return where;
}
