import type { JobId, WorkerId } from '../../../../id/ids.js';
import type { JobLogRecord, JobReport } from '../../../../job/job-store.js';
import type { Scope } from '../../../../scope/scope.js';
import { checkLogLimit } from '../../../cursor.js';
import type { Tx } from '../session.js';
import { findJob } from './manage.js';

const HELD = `id = ? AND state = 'running' AND worker_id = ? AND attempt = ?`;

const PROGRESS = `UPDATE dispatch_jobs SET progress = ?, updated_at = ? WHERE ${HELD}`;

const ADD_LINE = `
  INSERT INTO dispatch_job_logs (job_id, attempt, at, level, message)
  SELECT id, attempt, ?, ?, ? FROM dispatch_jobs WHERE ${HELD}`;

const LINES = 'SELECT level, message, attempt, at FROM dispatch_job_logs WHERE job_id = ? ORDER BY seq LIMIT ?';

export function reportJobs(tx: Tx, workerId: WorkerId, reports: readonly JobReport[]): void {
  for (const { id, attempt, progress, logs } of reports) {
    if (progress !== undefined) tx.sql(PROGRESS).run(progress, tx.now, id, workerId, attempt);
    for (const { level, message } of logs ?? []) tx.sql(ADD_LINE).run(tx.now, level, message, id, workerId, attempt);
  }
}

export function listJobLogs(
  tx: Tx,
  id: JobId,
  options: { readonly limit?: number; readonly scope?: Scope },
): readonly JobLogRecord[] {
  const limit = checkLogLimit(options.limit);
  if (options.scope && !findJob(tx, id, options.scope)) return [];
  return tx.sql<JobLogRecord>(LINES).all(id, limit);
}
