import { type ErrorRecord, type JobErrorRecord, MAX_ERRORS_KEPT } from '../../job/job-error.js';
import type { ClaimedJob, JobFacts, JobHeaders, JobRecord, NewJob } from '../../job/job-record.js';
import type { Scope } from '../../scope/scope.js';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Where a waiting job stands, with the values it is sorted by. */
export interface WaitingPlace {
  /** `null` once the job has left: the place is then skipped, and dropped in time. */
  job: MemoryJob | null;
  line: 'ready' | 'suspects' | 'deferred';
  readonly priority: number;
  readonly runAt: number;
  readonly id: string;
}

/** A job inside the memory store. It never leaves it: what leaves is a copy. */
export interface MemoryJob extends Writable<JobRecord> {
  /** Whether its worker died while it ran. */
  suspect: boolean;
  /** Its place among the waiting jobs; `null` while it does not wait. */
  place: WaitingPlace | null;
}

/** What a job takes over from another with the same unique key (`onConflict: 'replace'`). */
type JobOptions = Omit<JobFacts, 'id' | 'name' | 'uniqueKey' | 'scopeAppId' | 'scopeOrgId' | 'cronId' | 'cronAt'>;

/** A job to insert as the store keeps it: nothing in it belongs to the caller. */
export function toMemoryJob(job: NewJob, now: number): MemoryJob {
  return {
    id: job.id,
    name: job.name,
    ...optionsOf(job),
    uniqueKey: job.uniqueKey,
    scopeAppId: job.scopeAppId,
    scopeOrgId: job.scopeOrgId,
    cronId: job.cronId,
    cronAt: job.cronAt,
    state: 'pending',
    runAt: dueTime(job, now),
    attempt: 0,
    retryCount: 0,
    uniqueUntil: keyEnd(job, now),
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
    place: null,
  };
}

/** Writes payload and options of `job` over a waiting one, which keeps its history. */
export function replaceWith(waiting: MemoryJob, job: NewJob, now: number): void {
  Object.assign(waiting, optionsOf(job), {
    runAt: dueTime(job, now),
    uniqueUntil: keyEnd(job, now),
    updatedAt: now,
  });
}

function optionsOf(job: NewJob): JobOptions {
  return {
    queue: job.queue,
    payload: job.payload,
    codec: job.codec,
    priority: job.priority,
    maxRetries: job.maxRetries,
    timeoutMs: job.timeoutMs,
    backoff: job.backoff && { ...job.backoff },
    groupKey: job.groupKey,
    headers: copyHeaders(job.headers),
  };
}

/** When a new job is due at the earliest. */
export function dueTime(job: NewJob, now: number): number {
  return job.runAt ?? later(now, job.delayMs);
}

/** `now` and a delay, in whole milliseconds: not before the delay is over. */
export function later(now: number, delayMs: number): number {
  return now + Math.ceil(delayMs);
}

function keyEnd(job: NewJob, now: number): number | null {
  return job.uniqueForMs === null ? null : later(now, job.uniqueForMs);
}

/** A copy of headers. */
export function copyHeaders(headers: JobHeaders | null): JobHeaders | null {
  return headers && { ...headers };
}

/** A copy of the history. */
export function copyErrors(errors: readonly JobErrorRecord[]): readonly JobErrorRecord[] {
  return errors.length === 0 ? [] : structuredClone(errors);
}

/** The history with one more failure, of which only the newest are kept. */
export function withError(job: MemoryJob, error: ErrorRecord, now: number): readonly JobErrorRecord[] {
  // As JSON, because that is how the other stores keep it.
  const plain = JSON.parse(JSON.stringify(error)) as ErrorRecord;
  return [...job.errors, { ...plain, attempt: job.attempt, at: now }].slice(-MAX_ERRORS_KEPT);
}

/** The job as it is now, for a caller. */
export function toRecord(job: MemoryJob): JobRecord {
  const { suspect: _suspect, place: _place, ...record } = job;
  return {
    ...record,
    backoff: job.backoff && { ...job.backoff },
    headers: copyHeaders(job.headers),
    errors: copyErrors(job.errors),
  };
}

/** What a claim hands out. */
export function toClaimed(job: MemoryJob): ClaimedJob {
  return {
    id: job.id,
    name: job.name,
    queue: job.queue,
    payload: job.payload,
    codec: job.codec,
    priority: job.priority,
    maxRetries: job.maxRetries,
    timeoutMs: job.timeoutMs,
    backoff: job.backoff && { ...job.backoff },
    uniqueKey: job.uniqueKey,
    groupKey: job.groupKey,
    headers: copyHeaders(job.headers),
    scopeAppId: job.scopeAppId,
    scopeOrgId: job.scopeOrgId,
    cronId: job.cronId,
    cronAt: job.cronAt,
    attempt: job.attempt,
    retryCount: job.retryCount,
    runAt: job.runAt,
    createdAt: job.createdAt,
    startedAt: job.startedAt!,
  };
}

/** Whether the row belongs to the scope; every row does when there is none to compare with. */
export function isInScope(
  row: { readonly scopeAppId: string; readonly scopeOrgId: string },
  scope: Scope | undefined,
): boolean {
  return scope === undefined || (row.scopeAppId === scope.appId && row.scopeOrgId === scope.orgId);
}
