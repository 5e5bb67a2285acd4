import type { ClaimRequest, ClaimResult } from '../../job/job-store.js';
import type { MemoryData } from './memory-data.js';
import { type MemoryJob, toClaimed } from './memory-job.js';
import { isAlive } from './workers.js';

/** Leases due jobs to a worker. */
export function claimJobs(data: MemoryData, request: ClaimRequest, now: number): ClaimResult {
  const { workerId } = request;
  const worker = data.workers.get(workerId);
  const workerAlive = worker !== undefined && worker.state !== 'dead';
  if (worker?.state !== 'active' || !isAlive(worker, now)) {
    return { jobs: [], suspects: new Set(), nextDueInMs: null, workerAlive };
  }
  const taken = data.waiting.take(request, now);
  const suspects = new Set(taken.filter(({ suspect }) => suspect).map(({ id }) => id));
  for (const job of taken) start(job, request, now);
  if (taken.length > 0) hold(data, request, taken);
  return { jobs: taken.map(toClaimed), suspects, nextDueInMs: data.waiting.nextDueInMs(request, now), workerAlive };
}

function start(job: MemoryJob, { workerId }: ClaimRequest, now: number): void {
  job.state = 'running';
  job.attempt += 1;
  job.workerId = workerId;
  job.startedAt = now;
  job.updatedAt = now;
}

function hold(data: MemoryData, { workerId }: ClaimRequest, taken: readonly MemoryJob[]): void {
  const held = data.held.get(workerId);
  if (!held) data.held.set(workerId, new Set(taken));
  else for (const job of taken) held.add(job);
}
