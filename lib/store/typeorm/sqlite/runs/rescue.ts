import { WorkerLostError } from '../../../../errors.js';
import type { WorkerId } from '../../../../id/ids.js';
import type { RescuedRun } from '../../../../workflow/workflow-store.js';
import type { Tx } from '../session.js';
import { DECLARE_DEAD } from '../sql/rescue.js';
import { retryActivation } from './move.js';
import { type RunRow, toRunRecord } from './rows.js';

const ORPHANS = `
  SELECT * FROM dispatch_runs
  WHERE worker_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM dispatch_workers WHERE dispatch_workers.id = dispatch_runs.worker_id AND dispatch_workers.state <> 'dead')
  ORDER BY worker_id
  LIMIT ?`;

const BY_SEQ = 'SELECT * FROM dispatch_runs WHERE seq = ?';

/** Declares workers dead and frees the runs that they held, in one transaction. */
export function rescueRuns(tx: Tx, limit: number): readonly RescuedRun[] {
  tx.sql(DECLARE_DEAD).run(tx.now);
  const orphans = tx.sql<RunRow & { readonly worker_id: WorkerId }>(ORPHANS).all(limit);
  return orphans.map((run) => {
    const { name, message, code } = new WorkerLostError(`worker ${run.worker_id} died or lost its lease.`);
    retryActivation(tx, run, { name, message, code }, { delayMs: 0, suspect: true });
    return { run: toRunRecord(tx.sql<RunRow>(BY_SEQ).get(run.seq)!), workerId: run.worker_id };
  });
}
