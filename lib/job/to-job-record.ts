import type { JobRecord, NewJob } from './job-record.js';

const NO_ERRORS: readonly never[] = Object.freeze([]);

/** What the row of a job that was just inserted says. */
export function toJobRecord(job: NewJob, now: number): JobRecord {
  // Named one by one: copying the rest of an object is many times slower, and this runs for each job that is enqueued.
  return {
    id: job.id,
    name: job.name,
    queue: job.queue,
    payload: job.payload,
    codec: job.codec,
    priority: job.priority,
    maxRetries: job.maxRetries,
    timeoutMs: job.timeoutMs,
    backoff: job.backoff,
    uniqueKey: job.uniqueKey,
    groupKey: job.groupKey,
    headers: job.headers,
    scopeAppId: job.scopeAppId,
    scopeOrgId: job.scopeOrgId,
    cronId: job.cronId,
    cronAt: job.cronAt,
    state: 'pending',
    runAt: job.runAt ?? now + job.delayMs,
    attempt: 0,
    retryCount: 0,
    uniqueUntil: job.uniqueForMs === null ? null : now + job.uniqueForMs,
    errors: NO_ERRORS,
    result: null,
    progress: null,
    workerId: null,
    startedAt: null,
    completedAt: null,
    cancelRequestedAt: null,
    createdAt: now,
    updatedAt: now,
  };
}
