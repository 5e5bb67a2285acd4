import type { EventRecord } from '../../../../event/event-record.js';
import { type EventId, ID_PREFIX, type RunId } from '../../../../id/ids.js';
import { uuidToTypeId } from '../../../../id/type-id.js';
import type { ErrorRecord } from '../../../../job/job-error.js';
import type { CheckpointRecord } from '../../../../workflow/checkpoint.js';
import type { CancelMode, OnParentCancel, RunRecord } from '../../../../workflow/run-record.js';
import type { RunState } from '../../../../workflow/run-state.js';
import { parseHeaders, parseJson, toWorkerId } from '../rows.js';

export const toRunId = (uuid: string): RunId => uuidToTypeId(ID_PREFIX.run, uuid) as RunId;
export const toEventId = (uuid: string): EventId => uuidToTypeId(ID_PREFIX.event, uuid) as EventId;

/** SQL: the columns of {@link RunRow}. @param r alias of the table */
export const runColumns = (r: string): string =>
  `id name version input codec timeout_ms max_retries idempotency_key parent_run_id parent_key on_parent_cancel headers
   scope_app_id scope_org_id state output error status generation replays attempt retry_count wake_at deadline_at worker_id
   cancel_requested_at cancel_mode target started_at completed_at created_at updated_at suspect`
    .split(/\s+/)
    .map((column) => `${r}.${column}`)
    .join(', ');

export type RunRow = readonly [
  id: string,
  name: string,
  version: number,
  input: string | null,
  codec: string,
  timeoutMs: number,
  maxRetries: number,
  idempotencyKey: string | null,
  parentRunId: string | null,
  parentKey: string | null,
  onParentCancel: OnParentCancel,
  headers: string | null,
  scopeAppId: string,
  scopeOrgId: string,
  state: RunState,
  output: string | null,
  error: string | null,
  status: string | null,
  generation: number,
  replays: number,
  attempt: number,
  retryCount: number,
  wakeAt: number | null,
  deadlineAt: number | null,
  workerId: string | null,
  cancelRequestedAt: number | null,
  cancelMode: CancelMode | null,
  target: 'failed' | 'cancelled' | null,
  startedAt: number | null,
  completedAt: number | null,
  createdAt: number,
  updatedAt: number,
  suspect: boolean,
];

export function toRunRecord(row: RunRow): RunRecord {
  return {
    id: toRunId(row[0]),
    name: row[1],
    version: row[2],
    input: row[3],
    codec: row[4],
    timeoutMs: row[5],
    maxRetries: row[6],
    idempotencyKey: row[7],
    parentRunId: row[8] === null ? null : toRunId(row[8]),
    parentKey: row[9],
    onParentCancel: row[10],
    headers: parseHeaders(row[11]),
    scopeAppId: row[12],
    scopeOrgId: row[13],
    state: row[14],
    output: row[15],
    error: parseJson<ErrorRecord>(row[16]),
    status: row[17],
    generation: row[18],
    replays: row[19],
    attempt: row[20],
    retryCount: row[21],
    wakeAt: row[22],
    deadlineAt: row[23],
    workerId: row[24] === null ? null : toWorkerId(row[24]),
    cancelRequestedAt: row[25],
    cancelMode: row[26],
    target: row[27],
    startedAt: row[28],
    completedAt: row[29],
    createdAt: row[30],
    updatedAt: row[31],
  };
}

/** SQL: the columns of {@link CheckpointRow}, of `dispatch_checkpoints` as `c`. */
export const CHECKPOINT_COLUMNS = `c.generation, c.seq, c.after_seq, c.failed, c.undoable, c.tries, c.attempt, c.started_at, c.completed_at,
  c.event_id, c.key, c.error, c.value`;

export type CheckpointRow = readonly [
  generation: number,
  seq: number,
  afterSeq: number,
  failed: boolean,
  undoable: boolean,
  tries: number,
  attempt: number,
  startedAt: number,
  completedAt: number,
  eventId: string | null,
  key: string,
  error: string | null,
  value: string | null,
];

export function toCheckpoint(row: CheckpointRow): CheckpointRecord {
  return {
    generation: row[0],
    seq: row[1],
    afterSeq: row[2],
    status: row[3] ? 'failed' : 'completed',
    undoable: row[4],
    tries: row[5],
    attempt: row[6],
    startedAt: row[7],
    completedAt: row[8],
    eventId: row[9] === null ? null : toEventId(row[9]),
    key: row[10],
    error: parseJson<ErrorRecord>(row[11]),
    value: row[12],
  };
}

/** SQL: the columns of {@link EventRow}, of `dispatch_events` as `e`. */
export const EVENT_COLUMNS = `e.id, e.name, e.key, e.run_id, e.payload, e.codec, e.scope_app_id, e.scope_org_id, e.created_at, e.expires_at`;

export type EventRow = readonly [
  id: string,
  name: string,
  key: string | null,
  runId: string | null,
  payload: string | null,
  codec: string,
  scopeAppId: string,
  scopeOrgId: string,
  createdAt: number,
  expiresAt: number,
];

export function toEventRecord(row: EventRow): EventRecord {
  return {
    id: toEventId(row[0]),
    name: row[1],
    key: row[2],
    runId: row[3] === null ? null : toRunId(row[3]),
    payload: row[4],
    codec: row[5],
    scopeAppId: row[6],
    scopeOrgId: row[7],
    createdAt: row[8],
    expiresAt: row[9],
  };
}
