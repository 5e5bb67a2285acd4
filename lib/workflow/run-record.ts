import type { RunId, WorkerId } from '../id/ids.js';
import type { ErrorRecord } from '../job/job-error.js';
import type { JobHeaders } from '../job/job-record.js';
import type { RunState } from './run-state.js';

/** What becomes of a child when its parent is cancelled. */
export type OnParentCancel = 'cancel' | 'abandon';

/** How a cancelled run ends: after undoing its steps, or at once. */
export type CancelMode = 'compensate' | 'stop';

/** The part of a run that its starter decides. Times in milliseconds, input already encoded. */
export interface RunFacts {
  readonly id: RunId;
  readonly name: string;
  readonly version: number;
  /** Encoded by `codec`; `null` when there is no input. */
  readonly input: string | null;
  /** Of input, output and checkpoints. */
  readonly codec: string;
  /** How long the run may take from its first activation; 0 means no limit. */
  readonly timeoutMs: number;
  /** How many activations in a row may crash or fail without a step recorded in between. */
  readonly maxRetries: number;
  /** Of the runs of one name and scope, only one has this key. */
  readonly idempotencyKey: string | null;
  readonly parentRunId: RunId | null;
  /** Of the children of one parent, only one has this key. */
  readonly parentKey: string | null;
  readonly onParentCancel: OnParentCancel;
  readonly headers: JobHeaders | null;
  readonly scopeAppId: string;
  readonly scopeOrgId: string;
}

/** A run to insert, due at once. */
export type NewRun = RunFacts;

/** A run as the store knows it. Times in epoch milliseconds by the store's clock. */
export interface RunRecord extends RunFacts {
  readonly state: RunState;
  /** Encoded by `codec`; `null` until the run has completed, and when it returned nothing. */
  readonly output: string | null;
  /** Why it failed, was cancelled, is compensating or cannot go on. */
  readonly error: ErrorRecord | null;
  /** What the run last said with `wf.setStatus`, as JSON. */
  readonly status: string | null;
  /** Which checkpoints count: those of this generation. Grows with each retry and replay by hand. */
  readonly generation: number;
  /** How often somebody had it replayed from a step. */
  readonly replays: number;
  /** How often the run was claimed; only ever grows, and is the fence of every later write. */
  readonly attempt: number;
  /** How many activations in a row crashed or failed. */
  readonly retryCount: number;
  /** When it is due; `null` while a worker holds it, when it waits for something that has no time, and at the end. */
  readonly wakeAt: number | null;
  /** When the run times out; fixed by its first claim. */
  readonly deadlineAt: number | null;
  readonly workerId: WorkerId | null;
  readonly cancelRequestedAt: number | null;
  readonly cancelMode: CancelMode | null;
  /** How the run ends once its steps are undone; `null` unless it is or was compensating. */
  readonly target: 'failed' | 'cancelled' | null;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What a claim returns for each run. */
export interface ClaimedRun extends RunRecord {
  readonly state: 'running' | 'compensating';
  readonly workerId: WorkerId;
  readonly startedAt: number;
  /** The store's clock at the claim. */
  readonly claimedAt: number;
}

/** A run that a worker holds, with its fence. */
export interface HeldRun {
  readonly id: RunId;
  readonly attempt: number;
}
