import assert from 'node:assert/strict';
import type { NewWorker } from '../../cluster/worker-record.js';
import { type DlqId, type JobId, type WorkerId, newDlqId, newJobId, newWorkerId } from '../../id/ids.js';
import type { ErrorRecord } from '../../job/job-error.js';
import type { ClaimedJob, JobRecord, NewJob } from '../../job/job-record.js';
import type { JobState } from '../../job/job-state.js';
import type { ClaimRequest, ClaimResult, RescuedJob, SettleResult } from '../../job/job-store.js';
import type { Cancelled, Completed, Failed, Outcome, Released, Retry, Snoozed } from '../../job/outcome.js';
import type { Scope } from '../../scope/scope.js';
import type { Store } from '../../store/store.js';

/** The queue of every job that does not say otherwise. */
export const QUEUE = 'default';
/** The name of every job that does not say otherwise. */
export const NAME = 'send-email';
/** Milliseconds of a lease that does not end during a case. */
export const LEASE_MS = 3_600_000;

export const NO_SCOPE: Scope = { appId: '', orgId: '' };
export const SCOPE_A: Scope = { appId: 'app-1', orgId: 'org-a' };
export const SCOPE_B: Scope = { appId: 'app-1', orgId: 'org-b' };
export const SCOPE_C: Scope = { appId: 'app-2', orgId: 'org-a' };

/** The columns of a scope. */
export function inScope(scope: Scope): Pick<NewJob, 'scopeAppId' | 'scopeOrgId'> {
  return { scopeAppId: scope.appId, scopeOrgId: scope.orgId };
}

/** A job that is due at once; `overrides` say what is special about it. */
export function newJob(overrides: Partial<NewJob> = {}): NewJob {
  return {
    id: newJobId(),
    name: NAME,
    queue: QUEUE,
    payload: '{"to":"a@example.com"}',
    codec: 'json',
    priority: 0,
    maxRetries: 3,
    timeoutMs: 30_000,
    backoff: null,
    uniqueKey: null,
    groupKey: null,
    headers: null,
    scopeAppId: '',
    scopeOrgId: '',
    cronId: null,
    cronAt: null,
    runAt: null,
    delayMs: 0,
    uniqueForMs: null,
    onConflict: 'ignore',
    ...overrides,
  };
}

/** `count` jobs alike. */
export function newJobs(count: number, overrides: Partial<NewJob> = {}): readonly NewJob[] {
  return Array.from({ length: count }, () => newJob(overrides));
}

/** Inserts one job and returns it. */
export async function insertOne(store: Store, overrides: Partial<NewJob> = {}): Promise<NewJob> {
  const job = newJob(overrides);
  await store.insertJobs([job]);
  return job;
}

export function newWorker(overrides: Partial<NewWorker> = {}): NewWorker {
  return {
    id: newWorkerId(),
    hostname: 'host-1',
    pid: 4242,
    version: '1.2.3',
    queues: [QUEUE],
    concurrency: 10,
    metadata: {},
    ...overrides,
  };
}

/** Registers a worker and returns its id. */
export async function registerWorker(store: Store, leaseMs: number = LEASE_MS): Promise<WorkerId> {
  const worker = newWorker();
  await store.registerWorker(worker, leaseMs);
  return worker.id;
}

/** Claims up to a hundred jobs of the usual queue and name, unless `overrides` say otherwise. */
export function claim(store: Store, workerId: WorkerId, overrides: Partial<ClaimRequest> = {}): Promise<ClaimResult> {
  return store.claimJobs({
    workerId,
    queues: [{ queue: QUEUE, limit: 100 }],
    names: [NAME],
    limit: 100,
    suspectLimit: 100,
    ...overrides,
  });
}

/** The ids of what a claim brought, in order. */
export async function claimIds(
  store: Store,
  workerId: WorkerId,
  overrides: Partial<ClaimRequest> = {},
): Promise<readonly JobId[]> {
  return idsOf((await claim(store, workerId, overrides)).jobs);
}

export function idsOf<Id>(rows: readonly { readonly id: Id }[]): readonly Id[] {
  return rows.map(({ id }) => id);
}

/** A running job and the worker that holds it. */
export interface Held {
  readonly id: JobId;
  readonly attempt: number;
  readonly workerId: WorkerId;
  readonly job: ClaimedJob;
}

/** Claims one job, which must be the only one due. */
export async function claimOne(store: Store, workerId: WorkerId): Promise<Held> {
  const { jobs } = await claim(store, workerId);
  assert.equal(jobs.length, 1, 'one job should have been claimed');
  const job = jobs[0]!;
  return { id: job.id, attempt: job.attempt, workerId, job };
}

/** Inserts a job and claims it with a new worker (or `workerId`); no other job may be due. */
export async function startJob(
  store: Store,
  overrides: Partial<NewJob> = {},
  workerId?: WorkerId,
  leaseMs: number = LEASE_MS,
): Promise<Held> {
  const { id, queue, name } = await insertOne(store, overrides);
  const worker = workerId ?? (await registerWorker(store, leaseMs));
  const { jobs } = await claim(store, worker, { queues: [{ queue, limit: 1 }], names: [name], limit: 1 });
  const job = jobs[0];
  assert.equal(job?.id, id, 'the inserted job should have been claimed');
  return { id, attempt: job.attempt, workerId: worker, job };
}

/** Settles one attempt. */
export function settle(store: Store, held: Omit<Held, 'job'>, outcome: Outcome): Promise<SettleResult> {
  return store.settleJobs(held.workerId, [{ id: held.id, attempt: held.attempt, outcome }]);
}

export const errorRecord = (message = 'it broke'): ErrorRecord => ({ name: 'Error', message });
export const completed = (result: string | null = null): Completed => ({ kind: 'completed', result });
export const retry = (delayMs = 0, message?: string): Retry => ({
  kind: 'retry',
  delayMs,
  error: errorRecord(message),
});
export const failed = (dlqId: DlqId = newDlqId(), message?: string): Failed => ({
  kind: 'failed',
  error: errorRecord(message),
  dlqId,
});
export const snoozed = (delayMs = 0): Snoozed => ({ kind: 'snoozed', delayMs });
export const released = (): Released => ({ kind: 'released' });
export const cancelled = (reason?: ErrorRecord): Cancelled => ({ kind: 'cancelled', ...(reason ? { reason } : {}) });

/** One outcome of each kind; the delays are an hour. */
export function everyOutcome(): readonly Outcome[] {
  return [completed(), retry(LEASE_MS), failed(), snoozed(LEASE_MS), released(), cancelled()];
}

/** Brings a new job into a state. All but `pending` have been claimed once; waiting ones are due in an hour. */
export async function jobInState(store: Store, state: JobState, overrides: Partial<NewJob> = {}): Promise<Held> {
  const held = await startJob(store, overrides);
  if (state === 'pending') await settle(store, held, snoozed(LEASE_MS));
  if (state === 'retrying') await settle(store, held, retry(LEASE_MS));
  if (state === 'completed') await settle(store, held, completed('"done"'));
  if (state === 'failed') await settle(store, held, failed());
  if (state === 'cancelled') await settle(store, held, cancelled());
  assert.equal((await readJob(store, held.id)).state, state);
  return held;
}

/** Fails a new job for good and returns its dead-letter entry's id. */
export async function failJob(
  store: Store,
  overrides: Partial<NewJob> = {},
): Promise<{ readonly jobId: JobId; readonly dlqId: DlqId }> {
  const held = await startJob(store, overrides);
  const dlqId = newDlqId();
  assert.deepEqual((await settle(store, held, failed(dlqId))).lost, []);
  return { jobId: held.id, dlqId };
}

/** Reads a job that must be there. */
export async function readJob(store: Store, id: JobId): Promise<JobRecord> {
  const job = await store.getJob(id);
  assert.ok(job, `job ${id} should be there`);
  return job;
}

/** Frees up to `limit` jobs of dead workers. */
export function rescue(store: Store, limit = 1_000): Promise<readonly RescuedJob[]> {
  return store.rescueJobs({ limit, newDlqId: () => newDlqId() });
}

/** How often the condition of {@link until} is looked at, and for how long, in milliseconds. */
const LOOK_EVERY_MS = 5;
const GIVE_UP_AFTER_MS = 10_000;

/** Resolves when the condition holds; fails after ten seconds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + GIVE_UP_AFTER_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) assert.fail(`gave up waiting until ${what}`);
    await new Promise<void>((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
