import type { RunId, WorkerId } from '../../../../id/ids.js';
import type { ClaimedRun, HeldRun } from '../../../../workflow/run-record.js';
import type { ClaimRunsRequest, ClaimRunsResult } from '../../../../workflow/workflow-store.js';
import type { Tx } from '../session.js';
import { standing } from '../sql/cluster.js';
import { type RunRow, toRunRecord } from './rows.js';

// A workflow is one range of the index, so that runs of others cost nothing. Parameters: name, version, suspect, now, limit.
const DUE = `
  SELECT seq, suspect, wake_at, id FROM dispatch_runs
  WHERE worker_id IS NULL AND wake_at IS NOT NULL AND name = ? AND version = ? AND suspect = ? AND wake_at <= ?
  ORDER BY wake_at, id LIMIT ?`;

const NEXT = `
  SELECT min(wake_at) FROM dispatch_runs
  WHERE worker_id IS NULL AND wake_at IS NOT NULL AND name = ? AND version = ? AND suspect = ?`;

const TAKE = `
  UPDATE dispatch_runs SET
    state = CASE state WHEN 'compensating' THEN 'compensating' ELSE 'running' END,
    attempt = attempt + 1, worker_id = ?, wake_at = NULL, started_at = coalesce(started_at, ?),
    deadline_at = CASE WHEN deadline_at IS NULL AND timeout_ms > 0 THEN ? + timeout_ms ELSE deadline_at END, updated_at = ?
  WHERE seq = ? AND worker_id IS NULL AND state IN ('pending', 'waiting', 'compensating')
  RETURNING *`;

const LIST_HELD = 'SELECT id, attempt FROM dispatch_runs WHERE worker_id = ? ORDER BY id';

type Candidate = Pick<RunRow, 'seq' | 'suspect' | 'id'> & { readonly wake_at: number };

/** Leases due runs to a worker. */
export function claimRuns(tx: Tx, { workerId, workflows, limit, suspectLimit }: ClaimRunsRequest): ClaimRunsResult {
  const { alive, mayClaim } = standing(tx, workerId);
  const suspects = new Set<RunId>();
  if (!mayClaim) return { runs: [], suspects, nextDueInMs: null, workerAlive: alive };
  const due = tx.sql<Candidate>(DUE);
  const candidates = workflows.flatMap(({ name, version }) => [
    ...due.all(name, version, 0, tx.now, limit),
    ...(suspectLimit > 0 ? due.all(name, version, 1, tx.now, Math.min(limit, suspectLimit)) : []),
  ]);
  candidates.sort((a, b) => a.wake_at - b.wake_at || (a.id < b.id ? -1 : 1));
  const runs: ClaimedRun[] = [];
  for (const { seq, suspect, id } of candidates) {
    if (runs.length >= limit) break;
    if (suspect === 1 && suspects.size >= suspectLimit) continue;
    const row = tx.sql<RunRow>(TAKE).get(workerId, tx.now, tx.now, tx.now, seq);
    if (!row) continue;
    if (suspect === 1) suspects.add(id);
    runs.push(toClaimed(row, workerId, tx.now));
  }
  return { runs, suspects, nextDueInMs: nextDueInMs(tx, workflows), workerAlive: true };
}

function toClaimed(row: RunRow, workerId: WorkerId, now: number): ClaimedRun {
  const state = row.state === 'compensating' ? 'compensating' : 'running';
  return { ...toRunRecord(row), state, workerId, startedAt: row.started_at!, claimedAt: now };
}

function nextDueInMs(tx: Tx, workflows: ClaimRunsRequest['workflows']): number | null {
  const next = tx.sql(NEXT).pluck();
  const times = workflows.flatMap(({ name, version }) =>
    [0, 1].flatMap((suspect) => (next.get(name, version, suspect) as number | null) ?? []),
  );
  return times.length === 0 ? null : Math.max(0, Math.min(...times) - tx.now);
}

/** What a worker holds by the database's account. */
export function listHeldRuns(tx: Tx, workerId: WorkerId): readonly HeldRun[] {
  return tx.sql<HeldRun>(LIST_HELD).all(workerId);
}
