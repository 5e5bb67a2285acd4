import type { HeartbeatRequest, HeartbeatResult } from '../../../../cluster/cluster-store.js';
import type { NewWorker, WorkerRecord, WorkerState } from '../../../../cluster/worker-record.js';
import type { JobId, RunId, WorkerId } from '../../../../id/ids.js';
import type { HeldJob } from '../../../../job/job-store.js';
import type { HeldRun } from '../../../../workflow/run-record.js';
import { type WorkerRow, toWorkerRecord } from '../rows.js';
import type { Tx } from '../session.js';

// A repeated call, whose first answer was lost, must not revive a row that has been declared dead meanwhile.
const REGISTER = `
  INSERT INTO dispatch_workers (
    id, state, lease_expires_at, last_seen, started_at, hostname, pid, version, queues, concurrency, metadata)
  VALUES (?, 'active', ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO NOTHING`;

// A lease that is over can be renewed as long as nobody has declared the worker dead. Parameters: new expiry, now, worker.
const RENEW = `UPDATE dispatch_workers SET lease_expires_at = ?, last_seen = ? WHERE id = ? AND state <> 'dead'`;

const ANY_DEAD = `SELECT 1 FROM dispatch_workers WHERE state = 'dead' OR lease_expires_at <= ? LIMIT 1`;

const HELD = `SELECT cancel_requested_at FROM dispatch_jobs WHERE id = ? AND state = 'running' AND worker_id = ? AND attempt = ?`;

const HELD_RUN = 'SELECT cancel_requested_at FROM dispatch_runs WHERE id = ? AND worker_id = ? AND attempt = ?';

const LIST_HELD = `SELECT id, attempt FROM dispatch_jobs WHERE state = 'running' AND worker_id = ? ORDER BY id`;

const DRAIN = `UPDATE dispatch_workers SET state = 'draining' WHERE id = ? AND state = 'active'`;

const STATE = 'SELECT state, lease_expires_at > ? AS leased FROM dispatch_workers WHERE id = ?';

const DEREGISTER = 'DELETE FROM dispatch_workers WHERE id = ?';

const LIST = 'SELECT * FROM dispatch_workers ORDER BY started_at, id';

// A worker is dead from the end of its lease, whenever somebody writes so. Its jobs do not need the row.
const PRUNE = `
  DELETE FROM dispatch_workers
  WHERE id IN (SELECT id FROM dispatch_workers WHERE state = 'dead' AND lease_expires_at < ? ORDER BY lease_expires_at LIMIT ?)`;

/** What a worker may do now: nothing that it claims is safe while its lease is over, though it may yet renew it. */
export function standing(tx: Tx, workerId: WorkerId): { readonly alive: boolean; readonly mayClaim: boolean } {
  const row = tx.sql<{ state: WorkerState; leased: number }>(STATE).get(tx.now, workerId);
  return { alive: row !== undefined && row.state !== 'dead', mayClaim: row?.state === 'active' && row.leased === 1 };
}

export function registerWorker(tx: Tx, worker: NewWorker, leaseMs: number): void {
  tx.sql(REGISTER).run(
    worker.id,
    tx.now + leaseMs,
    tx.now,
    tx.now,
    worker.hostname,
    worker.pid,
    worker.version,
    JSON.stringify(worker.queues),
    worker.concurrency,
    JSON.stringify(worker.metadata),
  );
}

/** Renews the lease and looks at what the worker runs, in the same transaction. */
export function heartbeat(tx: Tx, { workerId, leaseMs, running, runs }: HeartbeatRequest): HeartbeatResult {
  if (tx.sql(RENEW).run(tx.now + leaseMs, tx.now, workerId).changes === 0) {
    const lost = { alive: false, lost: running.map(({ id }) => id), cancelRequested: [], mayRescue: true };
    return runs ? { ...lost, runs: { lost: runs.map(({ id }) => id), cancelRequested: [] } } : lost;
  }
  const lost: JobId[] = [];
  const cancelRequested: JobId[] = [];
  const held = tx.sql(HELD).pluck();
  for (const { id, attempt } of running) {
    const requestedAt = held.get(id, workerId, attempt);
    if (requestedAt === undefined) lost.push(id);
    else if (requestedAt !== null) cancelRequested.push(id);
  }
  const mayRescue = tx.sql(ANY_DEAD).get(tx.now) !== undefined;
  const result = { alive: true, lost, cancelRequested, mayRescue };
  return runs ? { ...result, runs: lookAtRuns(tx, workerId, runs) } : result;
}

function lookAtRuns(tx: Tx, workerId: WorkerId, runs: readonly HeldRun[]): NonNullable<HeartbeatResult['runs']> {
  const lost: RunId[] = [];
  const cancelRequested: RunId[] = [];
  const held = tx.sql(HELD_RUN).pluck();
  for (const { id, attempt } of runs) {
    const requestedAt = held.get(id, workerId, attempt);
    if (requestedAt === undefined) lost.push(id);
    else if (requestedAt !== null) cancelRequested.push(id);
  }
  return { lost, cancelRequested };
}

/** What a worker holds by the database's account. */
export function listHeldJobs(tx: Tx, workerId: WorkerId): readonly HeldJob[] {
  return tx.sql<HeldJob>(LIST_HELD).all(workerId);
}

export function drainWorker(tx: Tx, workerId: WorkerId): void {
  tx.sql(DRAIN).run(workerId);
}

export function deregisterWorker(tx: Tx, workerId: WorkerId): void {
  tx.sql(DEREGISTER).run(workerId);
}

export function listWorkers(tx: Tx): readonly WorkerRecord[] {
  return tx
    .sql<WorkerRow>(LIST)
    .all()
    .map((row) => toWorkerRecord(row, tx.now));
}

export function pruneWorkers(tx: Tx, deadForMs: number, limit: number): number {
  return tx.sql(PRUNE).run(tx.now - deadForMs, limit).changes;
}
