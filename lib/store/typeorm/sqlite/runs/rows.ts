import type { EventRecord } from '../../../../event/event-record.js';
import type { EventId, RunId, WorkerId } from '../../../../id/ids.js';
import type { ErrorRecord } from '../../../../job/job-error.js';
import type { JobHeaders } from '../../../../job/job-record.js';
import type { CheckpointRecord } from '../../../../workflow/checkpoint.js';
import type { CancelMode, OnParentCancel, RunRecord } from '../../../../workflow/run-record.js';
import type { RunState } from '../../../../workflow/run-state.js';
import type { WaitRecord } from '../../../../workflow/wait.js';
import { fromJson } from '../rows.js';

/** A row of `dispatch_runs`. */
export interface RunRow {
  readonly seq: number;
  readonly id: RunId;
  readonly state: RunState;
  readonly worker_id: WorkerId | null;
  readonly wake_at: number | null;
  readonly attempt: number;
  readonly generation: number;
  readonly replays: number;
  readonly retry_count: number;
  readonly max_retries: number;
  readonly suspect: number;
  readonly version: number;
  readonly timeout_ms: number;
  readonly deadline_at: number | null;
  readonly cancel_requested_at: number | null;
  readonly cancel_mode: CancelMode | null;
  readonly target: 'failed' | 'cancelled' | null;
  readonly started_at: number | null;
  readonly completed_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly name: string;
  readonly codec: string;
  readonly scope_app_id: string;
  readonly scope_org_id: string;
  readonly parent_run_id: RunId | null;
  readonly parent_key: string | null;
  readonly on_parent_cancel: OnParentCancel;
  readonly idempotency_key: string | null;
  readonly headers: string | null;
  readonly input: string | null;
  readonly output: string | null;
  readonly error: string | null;
  readonly status: string | null;
}

export function toRunRecord(row: RunRow): RunRecord {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    input: row.input,
    codec: row.codec,
    timeoutMs: row.timeout_ms,
    maxRetries: row.max_retries,
    idempotencyKey: row.idempotency_key,
    parentRunId: row.parent_run_id,
    parentKey: row.parent_key,
    onParentCancel: row.on_parent_cancel,
    headers: fromJson<JobHeaders>(row.headers),
    scopeAppId: row.scope_app_id,
    scopeOrgId: row.scope_org_id,
    state: row.state,
    output: row.output,
    error: fromJson<ErrorRecord>(row.error),
    status: row.status,
    generation: row.generation,
    replays: row.replays,
    attempt: row.attempt,
    retryCount: row.retry_count,
    wakeAt: row.wake_at,
    deadlineAt: row.deadline_at,
    workerId: row.worker_id,
    cancelRequestedAt: row.cancel_requested_at,
    cancelMode: row.cancel_mode,
    target: row.target,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** A row of `dispatch_checkpoints`. */
export interface CheckpointRow {
  readonly generation: number;
  readonly seq: number;
  readonly after_seq: number;
  readonly failed: number;
  readonly undoable: number;
  readonly tries: number;
  readonly attempt: number;
  readonly started_at: number;
  readonly completed_at: number;
  readonly event_id: EventId | null;
  readonly key: string;
  readonly error: string | null;
  readonly value: string | null;
}

export function toCheckpoint(row: CheckpointRow): CheckpointRecord {
  return {
    key: row.key,
    seq: row.seq,
    afterSeq: row.after_seq,
    status: row.failed === 1 ? 'failed' : 'completed',
    value: row.value,
    error: fromJson<ErrorRecord>(row.error),
    undoable: row.undoable === 1,
    tries: row.tries,
    eventId: row.event_id,
    generation: row.generation,
    attempt: row.attempt,
    startedAt: row.started_at,
    completedAt: row.completed_at,
  };
}

/** A row of `dispatch_waits`. */
export interface WaitRow {
  readonly run_id: RunId;
  readonly key: string;
  readonly part: number;
  readonly kind: WaitRecord['kind'];
  readonly due_at: number | null;
  readonly since_at: number;
  readonly event_name: string | null;
  readonly event_key: string | null;
  readonly child_run_id: RunId | null;
  readonly tries: number;
  readonly error: string | null;
  readonly rejected: string;
}

export function toWait(row: WaitRow): WaitRecord {
  return {
    key: row.key,
    part: row.part,
    kind: row.kind,
    dueAt: row.due_at,
    eventName: row.event_name,
    eventKey: row.event_key,
    rejected: JSON.parse(row.rejected) as EventId[],
    childRunId: row.child_run_id,
    tries: row.tries,
    error: fromJson<ErrorRecord>(row.error),
  };
}

/** A row of `dispatch_events`. */
export interface EventRow {
  readonly id: EventId;
  readonly created_at: number;
  readonly expires_at: number;
  readonly name: string;
  readonly key: string | null;
  readonly run_id: RunId | null;
  readonly codec: string;
  readonly scope_app_id: string;
  readonly scope_org_id: string;
  readonly payload: string | null;
}

export function toEventRecord(row: EventRow): EventRecord {
  return {
    id: row.id,
    name: row.name,
    key: row.key,
    runId: row.run_id,
    payload: row.payload,
    codec: row.codec,
    scopeAppId: row.scope_app_id,
    scopeOrgId: row.scope_org_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
