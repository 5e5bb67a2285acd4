import type { BackoffSpec } from '../../../backoff/backoff.js';
import type { DlqEntryRecord } from '../../../dlq/dlq-entry.js';
import type { CronId, DlqId, JobId, WorkerId } from '../../../id/ids.js';
import type { JobErrorRecord } from '../../../job/job-error.js';
import type { JobFacts, JobHeaders, JobRecord } from '../../../job/job-record.js';
import type { JobState } from '../../../job/job-state.js';
import type { WorkerRecord, WorkerState } from '../../../cluster/worker-record.js';

/** A row of `dispatch_jobs`, as SQLite returns it. */
export interface JobRow {
  readonly seq: number;
  readonly id: JobId;
  readonly state: JobState;
  readonly phase: number;
  readonly suspect: number;
  readonly attempt: number;
  readonly worker_id: WorkerId | null;
  readonly run_at: number;
  readonly retry_count: number;
  readonly max_retries: number;
  readonly cancel_requested_at: number | null;
  readonly started_at: number | null;
  readonly completed_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly priority: number;
  readonly timeout_ms: number;
  readonly name: string;
  readonly queue: string;
  readonly scope_app_id: string;
  readonly scope_org_id: string;
  readonly key_held: number;
  readonly unique_key: string | null;
  readonly unique_until: number | null;
  readonly group_key: string | null;
  readonly cron_id: CronId | null;
  readonly cron_at: number | null;
  readonly codec: string;
  readonly backoff: string | null;
  readonly headers: string | null;
  readonly payload: string | null;
  readonly progress: string | null;
  readonly errors: string;
  readonly result: string | null;
}

/** The part of a job that its producer decided. */
function toJobFacts(row: JobRow): JobFacts {
  return {
    id: row.id,
    name: row.name,
    queue: row.queue,
    payload: row.payload,
    codec: row.codec,
    priority: row.priority,
    maxRetries: row.max_retries,
    timeoutMs: row.timeout_ms,
    backoff: fromJson<BackoffSpec>(row.backoff),
    uniqueKey: row.unique_key,
    groupKey: row.group_key,
    headers: fromJson<JobHeaders>(row.headers),
    scopeAppId: row.scope_app_id,
    scopeOrgId: row.scope_org_id,
    cronId: row.cron_id,
    cronAt: row.cron_at,
  };
}

/** A whole row as the record that the store hands out. */
export function toJobRecord(row: JobRow): JobRecord {
  return {
    ...toJobFacts(row),
    state: row.state,
    runAt: row.run_at,
    attempt: row.attempt,
    retryCount: row.retry_count,
    uniqueUntil: row.unique_until,
    errors: JSON.parse(row.errors) as JobErrorRecord[],
    result: row.result,
    progress: row.progress,
    workerId: row.worker_id,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    cancelRequestedAt: row.cancel_requested_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** A row of `dispatch_dlq`. */
export interface DlqRow {
  readonly id: DlqId;
  readonly job_id: JobId;
  readonly job_name: string;
  readonly queue: string;
  readonly priority: number;
  readonly timeout_ms: number;
  readonly retry_count: number;
  readonly max_retries: number;
  readonly scope_app_id: string;
  readonly scope_org_id: string;
  readonly failed_at: number;
  readonly replayed_at: number | null;
  readonly replay_job_id: JobId | null;
  readonly group_key: string | null;
  readonly codec: string;
  readonly backoff: string | null;
  readonly headers: string | null;
  readonly payload: string | null;
  readonly errors: string;
}

export function toDlqEntry(row: DlqRow): DlqEntryRecord {
  return {
    id: row.id,
    jobId: row.job_id,
    jobName: row.job_name,
    queue: row.queue,
    payload: row.payload,
    codec: row.codec,
    priority: row.priority,
    timeoutMs: row.timeout_ms,
    backoff: fromJson<BackoffSpec>(row.backoff),
    groupKey: row.group_key,
    headers: fromJson<JobHeaders>(row.headers),
    errors: JSON.parse(row.errors) as JobErrorRecord[],
    retryCount: row.retry_count,
    maxRetries: row.max_retries,
    scopeAppId: row.scope_app_id,
    scopeOrgId: row.scope_org_id,
    failedAt: row.failed_at,
    replayedAt: row.replayed_at,
    replayJobId: row.replay_job_id,
  };
}

/** A row of `dispatch_workers`. */
export interface WorkerRow {
  readonly id: WorkerId;
  readonly state: WorkerState;
  readonly lease_expires_at: number;
  readonly last_seen: number;
  readonly started_at: number;
  readonly hostname: string;
  readonly pid: number;
  readonly version: string;
  readonly queues: string;
  readonly concurrency: number;
  readonly metadata: string;
}

/** @param now the store's clock: a worker whose lease has run out by then is dead, whatever its row says */
export function toWorkerRecord(row: WorkerRow, now: number): WorkerRecord {
  return {
    id: row.id,
    hostname: row.hostname,
    pid: row.pid,
    version: row.version,
    queues: JSON.parse(row.queues) as string[],
    concurrency: row.concurrency,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    state: row.lease_expires_at <= now ? 'dead' : row.state,
    leaseExpiresAt: row.lease_expires_at,
    lastSeen: row.last_seen,
    startedAt: row.started_at,
  };
}

/** JSON for a column, `null` kept as SQL's NULL. */
export function toJson(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

/** The value of a JSON column. */
export function fromJson<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}
