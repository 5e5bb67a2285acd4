import assert from 'node:assert/strict';
import type { NewEvent } from '../../event/event-record.js';
import { type RunId, type WorkerId, newEventId, newRunId } from '../../id/ids.js';
import type { Store } from '../../store/store.js';
import type { NewCheckpoint } from '../../workflow/checkpoint.js';
import type { CommitRunsResult, NextState, RunCommit } from '../../workflow/run-commit.js';
import type { ClaimedRun, NewRun, RunRecord } from '../../workflow/run-record.js';
import type { NewWait } from '../../workflow/wait.js';
import type { ClaimRunsRequest, ClaimRunsResult } from '../../workflow/workflow-store.js';
import { errorRecord, registerWorker } from './fixtures.js';

/** The workflow of every run that does not say otherwise. */
export const WORKFLOW = { name: 'order-pipeline', version: 1 } as const;

/** A run that is due at once; `overrides` say what is special about it. */
export function newRun(overrides: Partial<NewRun> = {}): NewRun {
  return {
    id: newRunId(),
    ...WORKFLOW,
    input: '{"order":1}',
    codec: 'json',
    timeoutMs: 0,
    maxRetries: 3,
    idempotencyKey: null,
    parentRunId: null,
    parentKey: null,
    onParentCancel: 'cancel',
    headers: null,
    scopeAppId: '',
    scopeOrgId: '',
    ...overrides,
  };
}

export function newRuns(count: number, overrides: Partial<NewRun> = {}): readonly NewRun[] {
  return Array.from({ length: count }, () => newRun(overrides));
}

/** Claims up to a hundred runs of the usual workflow, unless `overrides` say otherwise. */
export function claimRuns(
  store: Store,
  workerId: WorkerId,
  overrides: Partial<ClaimRunsRequest> = {},
): Promise<ClaimRunsResult> {
  return store.claimRuns({ workerId, workflows: [WORKFLOW], limit: 100, suspectLimit: 100, ...overrides });
}

/** Inserts a run and claims it with a new worker (or `workerId`); no other run of the usual workflow may be due. */
export async function startRun(
  store: Store,
  overrides: Partial<NewRun> = {},
  workerId?: WorkerId,
): Promise<ClaimedRun> {
  const run = newRun(overrides);
  await store.insertRuns([run]);
  return claimRun(store, run.id, workerId);
}

/** Claims a run, which must be the only one due. */
export async function claimRun(store: Store, id: RunId, workerId?: WorkerId): Promise<ClaimedRun> {
  const run = await readRun(store, id);
  const worker = workerId ?? (await registerWorker(store));
  const { runs } = await claimRuns(store, worker, { workflows: [{ name: run.name, version: run.version }] });
  assert.deepEqual(
    runs.map((each) => each.id),
    [id],
    'the run, and no other, should have been claimed',
  );
  return runs[0]!;
}

/** Reads a run that must be there. */
export async function readRun(store: Store, id: RunId): Promise<RunRecord> {
  const run = await store.getRun(id);
  assert.ok(run, `run ${id} should be there`);
  return run;
}

export function checkpoint(key: string, seq: number, overrides: Partial<NewCheckpoint> = {}): NewCheckpoint {
  return {
    key,
    seq,
    afterSeq: seq - 1,
    status: 'completed',
    value: `"${key}"`,
    error: null,
    undoable: false,
    tries: 1,
    elapsedMs: 0,
    eventId: null,
    ...overrides,
  };
}

export function wait(key: string, overrides: Partial<NewWait> = {}): NewWait {
  return {
    key,
    part: 0,
    kind: 'sleep',
    due: null,
    eventName: null,
    eventKey: null,
    lookbackMs: 0,
    rejected: [],
    childRunId: null,
    tries: 0,
    error: null,
    ...overrides,
  };
}

/** A wait for an event of this name. */
export const eventWait = (name: string, overrides: Partial<NewWait> = {}): NewWait =>
  wait(`event:${name}`, { kind: 'event', eventName: name, ...overrides });

/** A commit of a held run. */
export function commitOf(run: ClaimedRun, overrides: Partial<RunCommit> = {}): RunCommit {
  return {
    runId: run.id,
    attempt: run.attempt,
    generation: run.generation,
    parentRunId: run.parentKey?.startsWith('child:') ? run.parentRunId : null,
    checkpoints: [],
    waits: [],
    children: [],
    next: null,
    look: false,
    ...overrides,
  };
}

/** Commits for one held run. */
export function commit(store: Store, run: ClaimedRun, overrides: Partial<RunCommit> = {}): Promise<CommitRunsResult> {
  return store.commitRuns(run.workerId, [commitOf(run, overrides)]);
}

/** Parks a held run with these waits. */
export function park(store: Store, run: ClaimedRun, waits: readonly NewWait[]): Promise<CommitRunsResult> {
  const next: NextState = { kind: 'parked', open: waits.map(({ key }) => key), wake: null };
  return commit(store, run, { waits, next, look: true });
}

export const completedRun = (output: string | null = null): NextState => ({ kind: 'completed', output });
export const failedRun = (message?: string): NextState => ({ kind: 'failed', error: errorRecord(message) });

export function newEvent(overrides: Partial<NewEvent> = {}): NewEvent {
  return {
    id: newEventId(),
    name: 'payment.received',
    key: null,
    runId: null,
    payload: '{"amount":5}',
    codec: 'json',
    scopeAppId: '',
    scopeOrgId: '',
    ttlMs: 3_600_000,
    ...overrides,
  };
}

/** Whether a claim would bring the run now. */
export async function isDue(store: Store, id: RunId, now: number): Promise<boolean> {
  const { wakeAt, workerId } = await readRun(store, id);
  return workerId === null && wakeAt !== null && wakeAt <= now;
}
