import type { CodecRegistry } from '../codec/payload-codec.js';
import type { RunId, WorkerId } from '../id/ids.js';
import type { ErrorRecord } from '../job/job-error.js';
import type { JobHeaders } from '../job/job-record.js';
import { scopeOf } from '../job/job.js';
import type { Scope } from '../scope/scope.js';
import type { RunRecord } from './run-record.js';
import type { RunState } from './run-state.js';

/** A run of a workflow as applications see it (the seed's `workflow.Run`): a snapshot. */
export interface Run<Input = unknown, Output = unknown> {
  readonly id: RunId;
  /** The workflow's. */
  readonly name: string;
  readonly version: number;
  readonly state: RunState;
  /** Decoded on access; throws when the stored text cannot be decoded. */
  readonly input: Input;
  /** What the method returned, as JSON gives it back; `undefined` until it has. Decoded on access. */
  readonly output: Output | undefined;
  /** Why it failed, was cancelled, is compensating or cannot go on. */
  readonly error: ErrorRecord | undefined;
  /** What the method last passed to `wf.setStatus`. */
  readonly status: unknown;
  readonly parentRunId: RunId | undefined;
  readonly idempotencyKey: string | undefined;
  readonly headers: JobHeaders;
  readonly scope: Scope | undefined;
  /** How often the run was claimed by a worker. */
  readonly attempt: number;
  /** How many activations in a row crashed or failed. */
  readonly retryCount: number;
  readonly maxRetries: number;
  /** Counts the retries and replays by hand, from 1. */
  readonly generation: number;
  /** When it goes on by itself; `undefined` when a worker holds it, when it waits for something else, and at the end. */
  readonly wakeAt: Date | undefined;
  readonly deadlineAt: Date | undefined;
  readonly workerId: WorkerId | undefined;
  readonly cancelRequestedAt: Date | undefined;
  readonly startedAt: Date | undefined;
  readonly completedAt: Date | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const NO_HEADERS: JobHeaders = Object.freeze({});

/** A record of the store as a {@link Run}. */
export function toRun<Input, Output>(record: RunRecord, codecs: CodecRegistry): Run<Input, Output> {
  return Object.freeze({
    id: record.id,
    name: record.name,
    version: record.version,
    state: record.state,
    get input() {
      return codecs.decode(record.codec, record.input) as Input;
    },
    get output() {
      return codecs.decode(record.codec, record.output) as Output | undefined;
    },
    error: record.error ?? undefined,
    status: record.status === null ? undefined : (JSON.parse(record.status) as unknown),
    parentRunId: record.parentRunId ?? undefined,
    idempotencyKey: record.idempotencyKey ?? undefined,
    headers: record.headers ?? NO_HEADERS,
    scope: scopeOf(record),
    attempt: record.attempt,
    retryCount: record.retryCount,
    maxRetries: record.maxRetries,
    generation: record.generation,
    wakeAt: toDate(record.wakeAt),
    deadlineAt: toDate(record.deadlineAt),
    workerId: record.workerId ?? undefined,
    cancelRequestedAt: toDate(record.cancelRequestedAt),
    startedAt: toDate(record.startedAt),
    completedAt: toDate(record.completedAt),
    createdAt: new Date(record.createdAt),
    updatedAt: new Date(record.updatedAt),
  });
}

function toDate(ms: number | null): Date | undefined {
  return ms === null ? undefined : new Date(ms);
}
