import type { HeartbeatRequest, HeartbeatResult } from '../../lib/cluster/cluster-store.js';
import type { NewWorker } from '../../lib/cluster/worker-record.js';
import type { ReplayDlqOptions } from '../../lib/dlq/dlq-store.js';
import type { DlqId, JobId, WorkerId } from '../../lib/id/ids.js';
import type { NewJob } from '../../lib/job/job-record.js';
import type { ClaimRequest, HeldJob, JobConflict, JobReport, SettleResult } from '../../lib/job/job-store.js';
import type { Outcome, Settlement } from '../../lib/job/outcome.js';
import type { Scope } from '../../lib/scope/scope.js';
import type { TestClock } from '../../lib/testing/test-clock.js';
import {
  type ModelJob,
  type ModelState,
  Refused,
  addError,
  compareText,
  hasEnded,
  isInScope,
  isWaiting,
  newEntry,
  newModelJob,
  replaceWith,
} from './model-state.js';

/** What became of one job of an insert, and the job as it was then. */
type ModelConflict = Pick<JobConflict, 'kind'> & { readonly job: ModelJob };

/** What a store has to do, in the plainest form: a few maps, one call at a time. */
export class ReferenceModel {
  state: ModelState = { jobs: new Map(), logs: new Map(), dlq: new Map(), workers: new Map() };

  constructor(private readonly clock: TestClock) {}

  get now(): number {
    return this.clock.now();
  }

  get jobs(): readonly ModelJob[] {
    return [...this.state.jobs.values()];
  }

  insertJobs(given: readonly NewJob[], retry: boolean): ReadonlyMap<number, ModelConflict> {
    const before = structuredClone(this.state);
    try {
      const conflicts = new Map<number, ModelConflict>();
      for (const [index, job] of given.entries()) {
        if (retry && this.state.jobs.has(job.id)) continue;
        const conflict = this.insertJob(job);
        if (conflict) conflicts.set(index, conflict);
      }
      return conflicts;
    } catch (refused) {
      this.state = before;
      throw refused;
    }
  }

  private insertJob(given: NewJob): ModelConflict | undefined {
    if (this.state.jobs.has(given.id)) throw new Refused('INVALID_STATE');
    const holder = this.holder(given);
    if (holder && given.onConflict === 'error') throw new Refused('JOB_ALREADY_EXISTS');
    if (holder && given.onConflict === 'ignore') return { kind: 'existing', job: { ...holder } };
    if (holder && isWaiting(holder)) {
      replaceWith(holder, given, this.now);
      return { kind: 'replaced', job: { ...holder } };
    }
    const job = newModelJob(given, this.now);
    this.takeKey(job);
    this.state.jobs.set(job.id, job);
    return undefined;
  }

  /** Who has the unique key that somebody asks for. */
  private holder(asking: NewJob | ModelJob): ModelJob | undefined {
    return this.jobs.find(
      (job) => job.holdsKey && isSameKey(job, asking) && (job.uniqueUntil === null || job.uniqueUntil > this.now),
    );
  }

  private takeKey(job: ModelJob): void {
    if (job.uniqueKey === null) return;
    for (const other of this.jobs) {
      if (other !== job && other.holdsKey && isSameKey(other, job)) {
        Object.assign(other, { holdsKey: false, lostKey: true });
      }
    }
    job.holdsKey = true;
  }

  /** @returns the jobs as they were handed out, in order, with `suspect` as it was before */
  claimJobs({ workerId, queues, names, limit, suspectLimit }: ClaimRequest): readonly ModelJob[] {
    if (this.state.workers.get(workerId)?.state !== 'active' || !this.isAlive(workerId)) return [];
    const taken: ModelJob[] = [];
    for (const { queue, limit: most } of queues) {
      const due = this.jobs
        .filter((job) => isWaiting(job) && job.queue === queue && names.includes(job.name) && job.runAt <= this.now)
        .sort((a, b) => b.priority - a.priority || a.runAt - b.runAt || compareText(a.id, b.id));
      const end = Math.min(limit, taken.length + most);
      for (const job of due) {
        if (taken.length >= end) break;
        if (job.suspect && taken.filter(({ suspect }) => suspect).length >= suspectLimit) continue;
        job.attempt += 1;
        Object.assign(job, { state: 'running', workerId, startedAt: this.now, updatedAt: this.now });
        taken.push(job);
      }
    }
    return taken;
  }

  nextDueInMs({ queues, names }: ClaimRequest): number | null {
    const waiting = this.jobs.filter(
      (job) => isWaiting(job) && names.includes(job.name) && queues.some(({ queue }) => queue === job.queue),
    );
    if (waiting.length === 0) return null;
    return Math.max(0, Math.min(...waiting.map(({ runAt }) => runAt)) - this.now);
  }

  /** The running job, if this worker and attempt hold it. */
  held(workerId: WorkerId, { id, attempt }: HeldJob): ModelJob | undefined {
    const job = this.state.jobs.get(id);
    return job?.state === 'running' && job.workerId === workerId && job.attempt === attempt ? job : undefined;
  }

  settleJobs(workerId: WorkerId, settlements: readonly Settlement[]): SettleResult {
    const lost: JobId[] = [];
    const cancelled: JobId[] = [];
    for (const settlement of settlements) {
      const job = this.held(workerId, settlement);
      if (!job) lost.push(settlement.id);
      else if (this.settle(job, settlement.outcome)) cancelled.push(job.id);
    }
    return { lost, cancelled };
  }

  /** @returns whether a cancel request made it something else */
  private settle(job: ModelJob, outcome: Outcome): boolean {
    if (outcome.kind === 'completed') job.result = outcome.result;
    if ('error' in outcome) addError(job, outcome.error, this.now);
    if (outcome.kind === 'cancelled' && outcome.reason) addError(job, outcome.reason, this.now);
    if (outcome.kind === 'retry' || outcome.kind === 'failed') job.retryCount += 1;
    if (outcome.kind === 'failed') this.state.dlq.set(outcome.dlqId, newEntry(job, outcome.dlqId, this.now));
    if (outcome.kind === 'completed' || outcome.kind === 'failed' || outcome.kind === 'cancelled') {
      this.end(job, outcome.kind);
      return false;
    }
    if (job.cancelRequestedAt !== null) {
      this.end(job, 'cancelled');
      return true;
    }
    const runAt = outcome.kind === 'released' ? job.runAt : this.now + outcome.delayMs;
    const suspect = outcome.kind === 'released' && job.suspect;
    this.wait(job, outcome.kind === 'retry' ? 'retrying' : 'pending', { runAt, suspect });
    return false;
  }

  private wait(job: ModelJob, state: 'pending' | 'retrying', rest: Partial<ModelJob>): void {
    Object.assign(job, { state, workerId: null, updatedAt: this.now, ...rest });
  }

  private end(job: ModelJob, state: 'completed' | 'failed' | 'cancelled'): void {
    Object.assign(job, { state, workerId: null, suspect: false, holdsKey: false });
    Object.assign(job, { completedAt: this.now, updatedAt: this.now });
  }

  reportJobs(workerId: WorkerId, reports: readonly JobReport[]): void {
    for (const { progress, logs = [], ...fence } of reports) {
      const job = this.held(workerId, fence);
      if (!job) continue;
      if (progress !== undefined) Object.assign(job, { progress, updatedAt: this.now });
      const lines = logs.map((line) => ({ ...line, attempt: job.attempt, at: this.now }));
      this.state.logs.set(job.id, [...(this.state.logs.get(job.id) ?? []), ...lines]);
    }
  }

  /** Declares workers dead. @returns the jobs that they left */
  orphans(): readonly ModelJob[] {
    for (const [id, worker] of this.state.workers) {
      if (!this.isAlive(id)) this.state.workers.set(id, { ...worker, state: 'dead' });
    }
    return this.jobs.filter((job) => job.state === 'running' && !this.isAlive(job.workerId!));
  }

  /** Frees one of the orphans; `dlqId` is for one that has no retries left. */
  rescue(job: ModelJob, dlqId: DlqId | undefined): void {
    if (job.cancelRequestedAt !== null) return this.end(job, 'cancelled');
    addError(job, { name: 'WorkerLostError', message: '', code: 'WORKER_LOST' }, this.now);
    job.retryCount += 1;
    if (job.retryCount <= job.maxRetries) {
      return this.wait(job, 'retrying', { runAt: this.now, suspect: true });
    }
    if (dlqId) this.state.dlq.set(dlqId, newEntry(job, dlqId, this.now));
    this.end(job, 'failed');
  }

  /** @throws Refused */
  job(id: JobId, scope: Scope | undefined): ModelJob {
    const job = this.state.jobs.get(id);
    if (!job || !isInScope(job, scope)) throw new Refused('JOB_NOT_FOUND');
    return job;
  }

  cancelJob(id: JobId, scope: Scope | undefined): 'cancelled' | 'requested' {
    const job = this.job(id, scope);
    if (hasEnded(job)) throw new Refused('JOB_ALREADY_COMPLETE');
    if (isWaiting(job)) {
      this.end(job, 'cancelled');
      return 'cancelled';
    }
    job.cancelRequestedAt ??= this.now;
    job.updatedAt = this.now;
    return 'requested';
  }

  retryJob(id: JobId, scope: Scope | undefined): void {
    const job = this.job(id, scope);
    if (job.state !== 'failed' && job.state !== 'cancelled') throw new Refused('INVALID_STATE');
    if (this.holder(job)) Object.assign(job, { lostKey: true });
    else if (!job.lostKey) this.takeKey(job);
    this.wait(job, 'pending', {
      runAt: this.now,
      retryCount: 0,
      result: null,
      completedAt: null,
      cancelRequestedAt: null,
    });
    for (const entry of this.state.dlq.values()) {
      if (entry.jobId === id && entry.replayedAt === null) this.close(entry.id, id);
    }
  }

  discardJob(id: JobId, scope: Scope | undefined): void {
    if (this.job(id, scope).state === 'running') throw new Refused('INVALID_STATE');
    this.remove(id);
    for (const entry of this.state.dlq.values()) if (entry.jobId === id) this.state.dlq.delete(entry.id);
  }

  remove(id: JobId): void {
    this.state.jobs.delete(id);
    this.state.logs.delete(id);
  }

  replayDlqEntry(id: DlqId, { jobId, payload, force, scope }: ReplayDlqOptions): void {
    const entry = this.state.dlq.get(id);
    if (!entry || !isInScope(entry, scope)) throw new Refused('DLQ_ENTRY_NOT_FOUND');
    if (entry.replayedAt !== null && !force) throw new Refused('INVALID_STATE');
    const { queue, priority, timeoutMs, backoff, groupKey, headers, maxRetries, scopeAppId, scopeOrgId } = entry;
    const given = {
      ...{ queue, priority, timeoutMs, backoff, groupKey, headers, maxRetries, scopeAppId, scopeOrgId },
      ...{ id: jobId, name: entry.jobName, uniqueKey: null, cronId: null, cronAt: null },
      ...{ payload: payload ? payload.text : entry.payload, codec: payload ? payload.codec : entry.codec },
      ...{ runAt: null, delayMs: 0, uniqueForMs: null, onConflict: 'error' as const },
    };
    this.insertJobs([given], false);
    this.close(id, jobId);
  }

  private close(id: DlqId, replayJobId: JobId): void {
    this.state.dlq.set(id, { ...this.state.dlq.get(id)!, replayedAt: this.now, replayJobId });
  }

  registerWorker(worker: NewWorker, leaseMs: number): void {
    const times = { leaseExpiresAt: this.now + leaseMs, lastSeen: this.now, startedAt: this.now };
    this.state.workers.set(worker.id, { ...worker, state: 'active', ...times });
  }

  /** Whether the lease has not expired, and nobody has declared the worker dead. */
  isAlive(id: WorkerId): boolean {
    const worker = this.state.workers.get(id);
    return worker !== undefined && worker.state !== 'dead' && worker.leaseExpiresAt > this.now;
  }

  heartbeat({ workerId, leaseMs, running }: HeartbeatRequest): HeartbeatResult {
    const worker = this.state.workers.get(workerId);
    const alive = worker !== undefined && worker.state !== 'dead';
    if (!alive) return { alive, lost: running.map(({ id }) => id), cancelRequested: [], mayRescue: true };
    this.state.workers.set(workerId, { ...worker, leaseExpiresAt: this.now + leaseMs, lastSeen: this.now });
    const jobs = running.map((fence) => ({ id: fence.id, job: this.held(workerId, fence) }));
    return {
      alive,
      lost: jobs.flatMap(({ id, job }) => (job ? [] : id)),
      cancelRequested: jobs.flatMap(({ id, job }) => (job && job.cancelRequestedAt !== null ? id : [])),
      mayRescue:
        [...this.state.workers].some(([id, other]) => other.state !== 'dead' && !this.isAlive(id)) ||
        this.orphans().some((job) => this.state.workers.has(job.workerId!)),
    };
  }

  drainWorker(id: WorkerId): void {
    const worker = this.state.workers.get(id);
    if (worker?.state === 'active') this.state.workers.set(id, { ...worker, state: 'draining' });
  }
}

type KeyOwner = Pick<NewJob, 'scopeAppId' | 'scopeOrgId' | 'name' | 'uniqueKey'>;

function isSameKey(a: KeyOwner, b: KeyOwner): boolean {
  return (
    b.uniqueKey !== null &&
    a.uniqueKey === b.uniqueKey &&
    a.name === b.name &&
    a.scopeAppId === b.scopeAppId &&
    a.scopeOrgId === b.scopeOrgId
  );
}
