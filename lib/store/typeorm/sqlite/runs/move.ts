import type { ErrorRecord } from '../../../../job/job-error.js';
import type { NextState } from '../../../../workflow/run-commit.js';
import { decideRetry, hasStepsToUndo } from '../../../../workflow/run-decisions.js';
import type { RunEnd } from '../../../../workflow/run-state.js';
import { toJson } from '../rows.js';
import type { Tx } from '../session.js';
import { checkpointsOf } from './history.js';
import type { RunRow } from './rows.js';

const END = `
  UPDATE dispatch_runs SET
    state = ?, output = ?, error = ?, worker_id = NULL, wake_at = NULL, suspect = 0, completed_at = ?, updated_at = ?
  WHERE seq = ?`;

const DELETE_WAITS = 'DELETE FROM dispatch_waits WHERE run_id = ?';

const PARENT = `
  SELECT r.* FROM dispatch_runs r JOIN dispatch_waits w ON w.run_id = r.id WHERE r.id = ? AND w.child_run_id = ? LIMIT 1`;

// A run with a cancel request does not wait: whoever claims it cancels it. Parameters: when, now, now, sequence number.
const RELEASE = `
  UPDATE dispatch_runs SET
    state = CASE state WHEN 'running' THEN 'waiting' ELSE state END, worker_id = NULL,
    wake_at = CASE WHEN cancel_requested_at IS NULL THEN ? ELSE ? END, updated_at = ?
  WHERE seq = ?
  RETURNING wake_at`;

const WAKE = 'UPDATE dispatch_runs SET wake_at = ?, updated_at = ? WHERE seq = ? AND worker_id IS NULL';

const COMPENSATE = `UPDATE dispatch_runs SET state = 'compensating', error = ?, target = ?, updated_at = ? WHERE seq = ?`;

const SET_ERROR = `UPDATE dispatch_runs SET error = ? WHERE seq = ?`;

const COUNT_RETRY = 'UPDATE dispatch_runs SET retry_count = ?, suspect = ? WHERE seq = ?';

/** Ends a run and wakes its parent. */
export function endRun(tx: Tx, run: RunRow, state: RunEnd, output: string | null, error: string | null): void {
  tx.sql(END).run(state, output, error, tx.now, tx.now, run.seq);
  tx.sql(DELETE_WAITS).run(run.id);
  const parent = run.parent_run_id === null ? undefined : tx.sql<RunRow>(PARENT).get(run.parent_run_id, run.id);
  if (!parent) return;
  if (parent.worker_id !== null) tx.wakes.signal(parent.id);
  else wakeRun(tx, parent, tx.now);
}

/** Sets when a run that nobody holds is due. */
export function wakeRun(tx: Tx, run: Pick<RunRow, 'seq' | 'name'>, at: number): void {
  if (tx.sql(WAKE).run(at, tx.now, run.seq).changes > 0) tx.wakes.runs(run.name, at - tx.now);
}

/** Lets a run go that has not ended. */
export function releaseRun(tx: Tx, run: RunRow, wakeAt: number | null): void {
  const at = tx.sql(RELEASE).pluck().get(wakeAt, tx.now, tx.now, run.seq) as number | null | undefined;
  if (at != null) tx.wakes.runs(run.name, at - tx.now);
}

/** Writes where the run goes. */
export function moveRun(tx: Tx, run: RunRow, next: NextState): void {
  switch (next.kind) {
    case 'completed':
      return endRun(tx, run, 'completed', next.output, null);
    case 'failed':
    case 'cancelled':
      return endRun(tx, run, next.kind, null, toJson(next.error));
    case 'compensating':
      tx.sql(COMPENSATE).run(toJson(next.error), next.target, tx.now, run.seq);
      return;
    case 'parked': {
      const { at = null, inMs = null } = next.wake ?? {};
      // Undoing has no deadline.
      const deadline = run.state === 'compensating' ? null : run.deadline_at;
      const times = [at, inMs === null ? null : tx.now + Math.ceil(inMs), deadline].filter((time) => time !== null);
      return releaseRun(tx, run, times.length === 0 ? null : Math.min(...times));
    }
    case 'stuck':
      tx.sql(SET_ERROR).run(toJson(next.error), run.seq);
      return releaseRun(tx, run, null);
    case 'released':
      return releaseRun(tx, run, tx.now);
    case 'retry':
      return retryActivation(tx, run, next.error, { delayMs: next.delayMs, suspect: false });
  }
}

/** An activation failed, or lost its worker. */
export function retryActivation(
  tx: Tx,
  run: RunRow,
  error: ErrorRecord,
  { delayMs, suspect }: { readonly delayMs: number; readonly suspect: boolean },
): void {
  const standing = {
    state: run.state,
    workerId: run.worker_id,
    retryCount: run.retry_count,
    maxRetries: run.max_retries,
    target: run.target,
  };
  const decision = decideRetry(standing, hasStepsToUndo(checkpointsOf(tx, run.id, run.generation)));
  const text = run.state === 'compensating' ? run.error : toJson(error);
  if (decision === 'failed' || decision === 'cancelled') return endRun(tx, run, decision, null, text);
  if (decision === 'compensating') tx.sql(COMPENSATE).run(text, 'failed', tx.now, run.seq);
  else if (!suspect) tx.sql(SET_ERROR).run(text, run.seq);
  tx.sql(COUNT_RETRY).run(decision === 'again' ? run.retry_count + 1 : 0, suspect ? 1 : run.suspect, run.seq);
  releaseRun(tx, run, decision === 'again' ? tx.now + Math.ceil(delayMs) : tx.now);
}
