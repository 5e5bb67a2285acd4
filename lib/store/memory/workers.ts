import type { HeartbeatRequest, HeartbeatResult } from '../../cluster/cluster-store.js';
import type { NewWorker, WorkerRecord } from '../../cluster/worker-record.js';
import { InvalidStateError } from '../../errors.js';
import type { JobId, WorkerId } from '../../id/ids.js';
import type { MemoryData } from './memory-data.js';
import { heldRun } from './runs/held-run.js';
import { heldJob } from './settle-jobs.js';

/** Whether nobody declared the worker dead and its lease has not expired. */
export function isAlive({ state, leaseExpiresAt }: WorkerRecord, now: number): boolean {
  return state !== 'dead' && leaseExpiresAt > now;
}

function copy(worker: WorkerRecord): WorkerRecord {
  return { ...worker, queues: [...worker.queues], metadata: { ...worker.metadata } };
}

/** Writes the row of a new worker. @throws InvalidStateError when the id is taken */
export function registerWorker(data: MemoryData, worker: NewWorker, leaseMs: number, now: number): void {
  const there = data.workers.get(worker.id);
  if (there) throw new InvalidStateError(`there is a worker ${worker.id} already.`, there.state);
  const { id, hostname, pid, version, queues, concurrency, metadata } = worker;
  const given = { id, hostname, pid, version, queues, concurrency, metadata };
  data.workers.set(
    id,
    copy({ ...given, state: 'active', leaseExpiresAt: now + leaseMs, lastSeen: now, startedAt: now }),
  );
}

/** Renews the lease, and tells what became of the jobs. */
export function heartbeat(data: MemoryData, request: HeartbeatRequest, now: number): HeartbeatResult {
  const { workerId, leaseMs, running, runs } = request;
  const worker = data.workers.get(workerId);
  if (!worker || worker.state === 'dead') {
    const lost = { alive: false, lost: running.map(({ id }) => id), cancelRequested: [], mayRescue: true };
    return runs ? { ...lost, runs: { lost: runs.map(({ id }) => id), cancelRequested: [] } } : lost;
  }
  data.workers.set(workerId, { ...worker, leaseExpiresAt: now + leaseMs, lastSeen: now });
  const lost: JobId[] = [];
  const cancelRequested: JobId[] = [];
  for (const { id, attempt } of running) {
    const job = heldJob(data, workerId, id, attempt);
    if (!job) lost.push(id);
    else if (job.cancelRequestedAt !== null) cancelRequested.push(id);
  }
  const mayRescue = [...data.workers.values()].some((other) => !isAlive(other, now));
  if (!runs) return { alive: true, lost, cancelRequested, mayRescue };
  const held = runs.map((run) => ({ id: run.id, row: heldRun(data, workerId, run) }));
  const ids = (which: (row: (typeof held)[number]['row']) => boolean) =>
    held.filter(({ row }) => which(row)).map(({ id }) => id);
  const ofRuns = { lost: ids((row) => !row), cancelRequested: ids((row) => row?.cancelRequestedAt != null) };
  return { alive: true, lost, cancelRequested, mayRescue, runs: ofRuns };
}

/** Marks a live worker as draining. */
export function drainWorker(data: MemoryData, workerId: WorkerId): void {
  const worker = data.workers.get(workerId);
  if (worker?.state === 'active') data.workers.set(workerId, { ...worker, state: 'draining' });
}

/** Every worker, oldest first. */
export function listWorkers(data: MemoryData, now: number): readonly WorkerRecord[] {
  return [...data.workers.values()]
    .sort((a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1))
    .map((worker) => copy(isAlive(worker, now) ? worker : { ...worker, state: 'dead' }));
}

/** Deletes rows of workers that were declared dead long ago, oldest first. @returns how many */
export function pruneWorkers(
  data: MemoryData,
  { deadForMs, limit }: { readonly deadForMs: number; readonly limit: number },
  now: number,
): number {
  const dead = [...data.workers.values()]
    .filter(({ state, leaseExpiresAt }) => state === 'dead' && leaseExpiresAt < now - deadForMs)
    .sort((a, b) => a.leaseExpiresAt - b.leaseExpiresAt)
    .slice(0, limit);
  for (const { id } of dead) data.workers.delete(id);
  return dead.length;
}
