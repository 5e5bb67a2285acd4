import { WorkerLostError } from '../../errors.js';
import type { DlqId } from '../../id/ids.js';
import type { RescueOptions, RescuedJob } from '../../job/job-store.js';
import type { MemoryData } from './memory-data.js';
import { type MemoryJob, toRecord, withError } from './memory-job.js';
import { isAlive } from './workers.js';

/** Declares workers dead and frees what they held. */
export function rescueJobs(data: MemoryData, { limit, newDlqId }: RescueOptions, now: number): readonly RescuedJob[] {
  for (const [id, worker] of data.workers) {
    if (!isAlive(worker, now)) data.workers.set(id, { ...worker, state: 'dead' });
  }
  const orphans = orphanedJobs(data, limit, now);
  const dlqIds = new Map<MemoryJob, DlqId>();
  for (const job of orphans) if (isLastCrash(job)) dlqIds.set(job, newDlqId());
  data.checkNewDlqIds([...dlqIds.values()]);
  return orphans.map((job) => {
    const workerId = job.workerId!;
    free(data, job, dlqIds.get(job), now);
    return { job: toRecord(job), workerId };
  });
}

function orphanedJobs(data: MemoryData, limit: number, now: number): readonly MemoryJob[] {
  const orphans: MemoryJob[] = [];
  for (const [workerId, jobs] of data.held) {
    const worker = data.workers.get(workerId);
    if (worker && isAlive(worker, now)) continue;
    for (const job of jobs) {
      if (orphans.length >= limit) return orphans;
      orphans.push(job);
    }
  }
  return orphans;
}

function isLastCrash(job: MemoryJob): boolean {
  return job.cancelRequestedAt === null && job.retryCount >= job.maxRetries;
}

function free(data: MemoryData, job: MemoryJob, dlqId: DlqId | undefined, now: number): void {
  if (job.cancelRequestedAt !== null) {
    data.end(job, 'cancelled', now);
    return;
  }
  const { name, message, code } = new WorkerLostError(
    `worker ${job.workerId} died or lost its lease while it ran attempt ${job.attempt}.`,
  );
  job.errors = withError(job, { name, message, code }, now);
  if (dlqId) {
    data.fail(job, dlqId, now);
    return;
  }
  data.letGo(job);
  job.retryCount += 1;
  Object.assign(job, { state: 'retrying', runAt: now, suspect: true, updatedAt: now });
  data.enqueue(job, now);
}
