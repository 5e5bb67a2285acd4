import { InvalidStateError, JobAlreadyCompleteError, JobNotFoundError } from '../../errors.js';
import type { JobId } from '../../id/ids.js';
import type { JobRecord } from '../../job/job-record.js';
import { canTransition } from '../../job/job-state.js';
import type { Scope } from '../../scope/scope.js';
import type { MemoryData } from './memory-data.js';
import { type MemoryJob, isInScope, toRecord } from './memory-job.js';

function findJob(data: MemoryData, id: JobId, scope: Scope | undefined): MemoryJob {
  const job = data.jobs.get(id);
  if (!job || !isInScope(job, scope)) throw new JobNotFoundError(id);
  return job;
}

/** Cancels a waiting job, or asks the worker of a running one. */
export function cancelJob(
  data: MemoryData,
  id: JobId,
  scope: Scope | undefined,
  now: number,
): { readonly kind: 'cancelled' | 'requested'; readonly job: JobRecord } {
  const job = findJob(data, id, scope);
  if (!canTransition('cancel', job.state)) throw new JobAlreadyCompleteError(id, job.state);
  if (job.state !== 'running') {
    data.end(job, 'cancelled', now);
    return { kind: 'cancelled', job: toRecord(job) };
  }
  job.cancelRequestedAt ??= now;
  job.updatedAt = now;
  data.wakes.cancel(id, job.workerId!);
  return { kind: 'requested', job: toRecord(job) };
}

/** Makes a failed or cancelled job pending again. */
export function retryJob(data: MemoryData, id: JobId, scope: Scope | undefined, now: number): JobRecord {
  const job = findJob(data, id, scope);
  if (!canTransition('reopen', job.state)) {
    throw new InvalidStateError(
      `job ${id} cannot be retried in state ${job.state}: only failed and cancelled jobs can.`,
      job.state,
    );
  }
  if (job.uniqueKey !== null && data.uniqueKeys.holder(job, now)) job.uniqueKey = job.uniqueUntil = null;
  data.uniqueKeys.take(job);
  job.state = 'pending';
  job.runAt = now;
  job.retryCount = 0;
  job.result = null;
  job.completedAt = null;
  job.cancelRequestedAt = null;
  job.updatedAt = now;
  data.enqueue(job, now);
  for (const entry of data.dlq.values()) {
    if (entry.jobId === id && entry.replayedAt === null)
      data.dlq.update({ ...entry, replayedAt: now, replayJobId: id });
  }
  return toRecord(job);
}

/** Deletes a job that is not running, with its log lines and dead-letter entries. */
export function discardJob(data: MemoryData, id: JobId, scope: Scope | undefined): void {
  const job = findJob(data, id, scope);
  if (!canTransition('discard', job.state)) {
    throw new InvalidStateError(`job ${id} is running and cannot be discarded: cancel it first.`, job.state);
  }
  data.remove(job);
  for (const entry of data.dlq.values()) if (entry.jobId === id) data.dlq.delete(entry.id);
}
