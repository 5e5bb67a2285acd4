import type { WorkerRecord } from '../../lib/cluster/worker-record.js';
import type { DlqEntryRecord } from '../../lib/dlq/dlq-entry.js';
import type { DlqId, JobId, WorkerId } from '../../lib/id/ids.js';
import { type ErrorRecord, MAX_ERRORS_KEPT } from '../../lib/job/job-error.js';
import type { JobRecord, NewJob } from '../../lib/job/job-record.js';
import type { JobLogRecord } from '../../lib/job/job-store.js';
import type { Scope } from '../../lib/scope/scope.js';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A job, and what a store knows of it but does not tell. */
export interface ModelJob extends Writable<JobRecord> {
  suspect: boolean;
  /** Whether others with its unique key meet it, while its window lasts. */
  holdsKey: boolean;
  /** Another job has its key: whether it still names it is left to the store. */
  lostKey: boolean;
}

/** Everything a store holds. */
export interface ModelState {
  readonly jobs: Map<JobId, ModelJob>;
  readonly logs: Map<JobId, JobLogRecord[]>;
  readonly dlq: Map<DlqId, DlqEntryRecord>;
  readonly workers: Map<WorkerId, WorkerRecord>;
}

/** The model does not do it, and neither must the store, for the reason with this code. */
export class Refused extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function isWaiting({ state }: ModelJob): boolean {
  return state === 'pending' || state === 'retrying';
}

export function hasEnded({ state }: ModelJob): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}

export function isInScope(row: { readonly scopeAppId: string; readonly scopeOrgId: string }, scope?: Scope): boolean {
  return !scope || (row.scopeAppId === scope.appId && row.scopeOrgId === scope.orgId);
}

export function newModelJob({ delayMs, uniqueForMs, onConflict: _, ...job }: NewJob, now: number): ModelJob {
  return {
    ...job,
    state: 'pending',
    runAt: job.runAt ?? now + delayMs,
    attempt: 0,
    retryCount: 0,
    uniqueUntil: uniqueForMs === null ? null : now + uniqueForMs,
    errors: [],
    result: null,
    progress: null,
    workerId: null,
    startedAt: null,
    completedAt: null,
    cancelRequestedAt: null,
    createdAt: now,
    updatedAt: now,
    suspect: false,
    holdsKey: job.uniqueKey !== null,
    lostKey: false,
  };
}

/** A waiting job takes over what another with its key was given. */
export function replaceWith(job: ModelJob, given: NewJob, now: number): void {
  const { queue, payload, codec, priority, maxRetries, timeoutMs, backoff, groupKey, headers } = given;
  const { runAt, uniqueUntil } = newModelJob(given, now);
  const options = { queue, payload, codec, priority, maxRetries, timeoutMs, backoff, groupKey, headers };
  Object.assign(job, options, { runAt, uniqueUntil, updatedAt: now });
}

export function addError(job: ModelJob, error: ErrorRecord, now: number): void {
  job.errors = [...job.errors, { ...error, attempt: job.attempt, at: now }].slice(-MAX_ERRORS_KEPT);
}

export function newEntry(job: ModelJob, id: DlqId, now: number): DlqEntryRecord {
  const { queue, payload, codec, priority, timeoutMs, backoff, groupKey, headers } = job;
  const { errors, retryCount, maxRetries, scopeAppId, scopeOrgId } = job;
  return {
    ...{ queue, payload, codec, priority, timeoutMs, backoff, groupKey, headers },
    ...{ errors, retryCount, maxRetries, scopeAppId, scopeOrgId },
    id,
    jobId: job.id,
    jobName: job.name,
    failedAt: now,
    replayedAt: null,
    replayJobId: null,
  };
}
