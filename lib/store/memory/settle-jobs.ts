import type { JobId, WorkerId } from '../../id/ids.js';
import type { SettleResult } from '../../job/job-store.js';
import type { Outcome, Settlement } from '../../job/outcome.js';
import type { MemoryData } from './memory-data.js';
import { type MemoryJob, later, withError } from './memory-job.js';

/** The job, if this worker and attempt hold it. */
export function heldJob(data: MemoryData, workerId: WorkerId, id: JobId, attempt: number): MemoryJob | undefined {
  const job = data.jobs.get(id);
  return job?.state === 'running' && job.workerId === workerId && job.attempt === attempt ? job : undefined;
}

/** Writes how attempts ended; all of them or, when it throws, none. */
export function settleJobs(
  data: MemoryData,
  workerId: WorkerId,
  settlements: readonly Settlement[],
  now: number,
): SettleResult {
  const lost: JobId[] = [];
  const cancelled: JobId[] = [];
  const settled = new Map<MemoryJob, Outcome>();
  for (const { id, attempt, outcome } of settlements) {
    const job = heldJob(data, workerId, id, attempt);
    if (job && !settled.has(job)) settled.set(job, outcome);
    else lost.push(id);
  }
  data.checkNewDlqIds([...settled.values()].flatMap((outcome) => (outcome.kind === 'failed' ? outcome.dlqId : [])));
  for (const [job, outcome] of settled) if (settle(data, job, outcome, now)) cancelled.push(job.id);
  return { lost, cancelled };
}

/** @returns whether a cancel request turned the outcome into cancelled */
function settle(data: MemoryData, job: MemoryJob, outcome: Outcome, now: number): boolean {
  switch (outcome.kind) {
    case 'completed':
      job.result = outcome.result;
      data.end(job, 'completed', now);
      return false;
    case 'failed':
      job.errors = withError(job, outcome.error, now);
      data.fail(job, outcome.dlqId, now);
      return false;
    case 'cancelled':
      if (outcome.reason) job.errors = withError(job, outcome.reason, now);
      data.end(job, 'cancelled', now);
      return false;
    case 'retry':
      job.errors = withError(job, outcome.error, now);
      job.retryCount += 1;
      return waitAgain(data, job, 'retrying', later(now, outcome.delayMs), now);
    case 'snoozed':
      return waitAgain(data, job, 'pending', later(now, outcome.delayMs), now);
    case 'released':
      return waitAgain(data, job, 'pending', job.runAt, now, job.suspect);
  }
}

function waitAgain(
  data: MemoryData,
  job: MemoryJob,
  state: 'pending' | 'retrying',
  runAt: number,
  now: number,
  suspect = false,
): boolean {
  if (job.cancelRequestedAt !== null) {
    data.end(job, 'cancelled', now);
    return true;
  }
  data.letGo(job);
  Object.assign(job, { state, runAt, suspect, updatedAt: now });
  data.enqueue(job, now);
  return false;
}
