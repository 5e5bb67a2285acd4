import type { JobId, WorkerId } from '../../../../id/ids.js';
import type { SettleResult } from '../../../../job/job-store.js';
import type { Cancelled, Failed, Retry, Settlement } from '../../../../job/outcome.js';
import type { Tx } from '../session.js';
import { addDlqEntry } from './dlq.js';
import { APPEND_ERROR, historyEntry } from './history.js';

/** The fence. Parameters: id, worker, attempt. */
const HELD = `id = ? AND state = 'running' AND worker_id = ? AND attempt = ?`;

const FREED = 'worker_id = NULL, updated_at = ?';
const ENDED = `${FREED}, completed_at = ?, suspect = 0, key_held = 0`;
/** Waiting outcomes only apply while nobody has asked to cancel. */
const WAITS = `${HELD} AND cancel_requested_at IS NULL`;

const COMPLETE = `UPDATE dispatch_jobs SET state = 'completed', result = ?, ${ENDED} WHERE ${HELD}`;

const FAIL = `
  UPDATE dispatch_jobs SET state = 'failed', retry_count = retry_count + 1, errors = ${APPEND_ERROR}, ${ENDED} WHERE ${HELD}`;

const CANCEL = `UPDATE dispatch_jobs SET state = 'cancelled', ${ENDED} WHERE ${HELD}`;

const CANCEL_WITH_REASON = `UPDATE dispatch_jobs SET state = 'cancelled', errors = ${APPEND_ERROR}, ${ENDED} WHERE ${HELD}`;

// The attempt failed before anybody saw that the job was to be cancelled.
const CANCEL_AFTER_FAILURE = `
  UPDATE dispatch_jobs SET
    state = 'cancelled', retry_count = retry_count + 1, errors = ${APPEND_ERROR}, ${ENDED} WHERE ${HELD}`;

const RETRY = `
  UPDATE dispatch_jobs SET
    state = 'retrying', retry_count = retry_count + 1, errors = ${APPEND_ERROR}, phase = ?, run_at = ?, suspect = 0, ${FREED}
  WHERE ${WAITS}
  RETURNING queue`;

const SNOOZE = `UPDATE dispatch_jobs SET state = 'pending', phase = ?, run_at = ?, suspect = 0, ${FREED} WHERE ${WAITS} RETURNING queue`;

// It keeps its place in the queue, and the mark of a suspect.
const RELEASE = `
  UPDATE dispatch_jobs SET
    state = 'pending', phase = CASE suspect WHEN 1 THEN 3 ELSE 1 END, run_at = min(run_at, ?), ${FREED}
  WHERE ${WAITS}
  RETURNING queue`;

type Fence = readonly [id: JobId, workerId: WorkerId, attempt: number];

/** Writes outcomes in the order given, each under its fence. */
export function settleJobs(tx: Tx, workerId: WorkerId, settlements: readonly Settlement[]): SettleResult {
  const lost: JobId[] = [];
  const cancelled: JobId[] = [];
  for (const settlement of settlements) {
    const fence: Fence = [settlement.id, workerId, settlement.attempt];
    switch (settleOne(tx, settlement, fence)) {
      case 'lost':
        lost.push(settlement.id);
        break;
      case 'cancelled':
        cancelled.push(settlement.id);
        break;
      case 'written':
        break;
    }
  }
  return { lost, cancelled };
}

type Written = 'written' | 'cancelled' | 'lost';

function settleOne(tx: Tx, { outcome }: Settlement, fence: Fence): Written {
  switch (outcome.kind) {
    case 'completed':
      return written(tx.sql(COMPLETE).run(outcome.result, tx.now, tx.now, ...fence).changes);
    case 'failed':
      return fail(tx, outcome, fence);
    case 'cancelled':
      return written(cancel(tx, outcome.reason, fence));
    case 'retry':
      return retry(tx, outcome, fence);
    case 'snoozed': {
      const delayMs = Math.ceil(outcome.delayMs);
      const queue = tx
        .sql(SNOOZE)
        .pluck()
        .get(delayMs > 0 ? 2 : 1, tx.now + delayMs, tx.now, ...fence);
      return waiting(tx, queue, delayMs) ?? giveIn(tx, undefined, fence);
    }
    case 'released': {
      const queue = tx
        .sql(RELEASE)
        .pluck()
        .get(tx.now, tx.now, ...fence);
      return waiting(tx, queue, 0) ?? giveIn(tx, undefined, fence);
    }
  }
}

function retry(tx: Tx, { delayMs, error }: Retry, fence: Fence): Written {
  const delay = Math.ceil(delayMs);
  const entry = historyEntry(error, fence[2], tx.now);
  const queue = tx
    .sql(RETRY)
    .pluck()
    .get(entry, delay > 0 ? 2 : 1, tx.now + delay, tx.now, ...fence);
  return waiting(tx, queue, delay) ?? giveIn(tx, error, fence);
}

function fail(tx: Tx, { error, dlqId }: Failed, fence: Fence): Written {
  const { changes } = tx.sql(FAIL).run(historyEntry(error, fence[2], tx.now), tx.now, tx.now, ...fence);
  if (changes > 0) addDlqEntry(tx, dlqId, fence[0]);
  return written(changes);
}

function cancel(tx: Tx, reason: Cancelled['reason'], fence: Fence): number {
  if (!reason) return tx.sql(CANCEL).run(tx.now, tx.now, ...fence).changes;
  return tx.sql(CANCEL_WITH_REASON).run(historyEntry(reason, fence[2], tx.now), tx.now, tx.now, ...fence).changes;
}

/** A job that could not wait is cancelled if it is still held: somebody asked for it. */
function giveIn(tx: Tx, error: Cancelled['reason'], fence: Fence): Written {
  const { changes } = error
    ? tx.sql(CANCEL_AFTER_FAILURE).run(historyEntry(error, fence[2], tx.now), tx.now, tx.now, ...fence)
    : tx.sql(CANCEL).run(tx.now, tx.now, ...fence);
  return changes > 0 ? 'cancelled' : 'lost';
}

function waiting(tx: Tx, queue: unknown, inMs: number): Written | null {
  if (queue === undefined) return null;
  tx.wakes.ready(queue as string, inMs);
  return 'written';
}

function written(changes: number): Written {
  return changes > 0 ? 'written' : 'lost';
}
