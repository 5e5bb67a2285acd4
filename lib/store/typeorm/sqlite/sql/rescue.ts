import { WorkerLostError } from '../../../../errors.js';
import type { WorkerId } from '../../../../id/ids.js';
import { toErrorRecord } from '../../../../job/job-error.js';
import type { RescueOptions, RescuedJob } from '../../../../job/job-store.js';
import { type JobRow, toJobRecord } from '../rows.js';
import type { Tx } from '../session.js';
import { addDlqEntry } from './dlq.js';
import { APPEND_ERROR, historyEntry } from './history.js';

export const DECLARE_DEAD = `UPDATE dispatch_workers SET state = 'dead' WHERE state <> 'dead' AND lease_expires_at <= ?`;

// Only workers that hold jobs are looked at; the index on running jobs has little more than their rows.
const ORPHANS = `
  SELECT seq, id, worker_id, attempt, retry_count, max_retries, cancel_requested_at FROM dispatch_jobs
  WHERE state = 'running' AND NOT EXISTS (
    SELECT 1 FROM dispatch_workers WHERE dispatch_workers.id = dispatch_jobs.worker_id AND dispatch_workers.state <> 'dead')
  ORDER BY worker_id, created_at
  LIMIT ?`;

const FREED = `worker_id = NULL, updated_at = ?`;
const ENDED = `${FREED}, completed_at = ?, suspect = 0, key_held = 0`;
const IS_RUNNING = `seq = ? AND state = 'running' RETURNING *`;

const CANCEL = `UPDATE dispatch_jobs SET state = 'cancelled', ${ENDED} WHERE ${IS_RUNNING}`;

const RETRY = `
  UPDATE dispatch_jobs SET
    state = 'retrying', phase = 3, suspect = 1, run_at = ?, retry_count = retry_count + 1, errors = ${APPEND_ERROR}, ${FREED}
  WHERE ${IS_RUNNING}`;

const FAIL = `
  UPDATE dispatch_jobs SET state = 'failed', retry_count = retry_count + 1, errors = ${APPEND_ERROR}, ${ENDED} WHERE ${IS_RUNNING}`;

type Orphan = Pick<JobRow, 'seq' | 'id' | 'attempt' | 'retry_count' | 'max_retries' | 'cancel_requested_at'> & {
  readonly worker_id: WorkerId;
};

/** Declares workers dead and frees what they held, in one transaction. */
export function rescueJobs(tx: Tx, { limit, newDlqId }: RescueOptions): readonly RescuedJob[] {
  tx.sql(DECLARE_DEAD).run(tx.now);
  const orphans = tx.sql<Orphan>(ORPHANS).all(limit);
  return orphans.map((orphan) => ({ job: toJobRecord(free(tx, orphan, newDlqId)), workerId: orphan.worker_id }));
}

function free(tx: Tx, orphan: Orphan, newDlqId: RescueOptions['newDlqId']): JobRow {
  const { seq, id, attempt } = orphan;
  if (orphan.cancel_requested_at !== null) return tx.sql<JobRow>(CANCEL).get(tx.now, tx.now, seq)!;
  const lost = new WorkerLostError(
    `worker ${orphan.worker_id} died or lost its lease while it ran attempt ${attempt}.`,
  );
  const { name, message } = toErrorRecord(lost);
  const entry = historyEntry({ name, message, code: lost.code }, attempt, tx.now);
  if (orphan.retry_count < orphan.max_retries) {
    const row = tx.sql<JobRow>(RETRY).get(tx.now, entry, tx.now, seq)!;
    tx.wakes.ready(row.queue, 0);
    return row;
  }
  const row = tx.sql<JobRow>(FAIL).get(entry, tx.now, tx.now, seq)!;
  addDlqEntry(tx, newDlqId(), id);
  return row;
}
