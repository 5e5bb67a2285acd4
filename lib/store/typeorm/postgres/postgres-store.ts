import type { HeartbeatRequest, HeartbeatResult, PulseSource } from '../../../cluster/cluster-store.js';
import type { NewWorker, WorkerRecord } from '../../../cluster/worker-record.js';
import type { DlqEntryRecord } from '../../../dlq/dlq-entry.js';
import type { DlqFilter, DlqPage, ListDlqOptions, ReplayDlqOptions } from '../../../dlq/dlq-store.js';
import {
  DlqEntryNotFoundError,
  InvalidStateError,
  JobAlreadyCompleteError,
  JobNotFoundError,
  WorkerLostError,
} from '../../../errors.js';
import type { DlqId, JobId, WorkerId } from '../../../id/ids.js';
import { toErrorRecord } from '../../../job/job-error.js';
import type { JobRecord, NewJob } from '../../../job/job-record.js';
import type {
  ClaimRequest,
  ClaimResult,
  CountJobsOptions,
  HeldJob,
  InsertJobsOptions,
  InsertJobsResult,
  JobCounts,
  JobLogRecord,
  JobPage,
  JobReport,
  ListJobsOptions,
  PruneJobsOptions,
  RescueOptions,
  RescuedJob,
  SettleResult,
  StoreTransaction,
} from '../../../job/job-store.js';
import { type JobTransition, canTransition } from '../../../job/job-state.js';
import type { Settlement } from '../../../job/outcome.js';
import type { Scope } from '../../../scope/scope.js';
import type { MigrationMode, MigrationStatus, Store, Wake } from '../../store.js';
import type { PgSession } from './pg-session.js';
import { PostgresBackend } from './postgres-backend.js';
import type { PostgresStoreOptions } from './postgres-options.js';
import { PgWorkflowStore } from './runs/pg-workflow-store.js';

/**
 * Makes a store in a PostgreSQL database (12 or later). Nothing is opened before `migrate` or the first call.
 *
 * @throws InvalidOptionsError; see {@link PostgresStoreOptions}
 */
export function createPostgresStore(options: PostgresStoreOptions): Store {
  return new PostgresStore(new PostgresBackend(options));
}

/** Tries of an action on a job that moves between tables at the same moment. */
const TRIES = 5;

const NO_ROWS: InsertJobsResult['conflicts'] = new Map();

class PostgresStore extends PgWorkflowStore<PostgresBackend> implements Store {
  readonly kind = 'postgres';
  readonly supportsTransactions = true;
  readonly handsOff = true;

  migrate(mode: MigrationMode = 'auto'): Promise<void> {
    return this.backend.migrator.migrate(mode);
  }

  migrations(): Promise<readonly MigrationStatus[]> {
    return this.backend.migrator.status();
  }

  ping(): Promise<number> {
    return this.backend.run((session) => this.backend.reads.now(session));
  }

  onWake(listener: (wake: Wake) => void): () => void {
    return this.backend.wakes.add(listener);
  }

  transaction<T>(fn: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    return this.backend.transactions.run(fn);
  }

  close(): Promise<void> {
    return this.backend.close();
  }

  async insertJobs(jobs: readonly NewJob[], options: InsertJobsOptions = {}): Promise<InsertJobsResult> {
    if (jobs.length === 0) return { now: await this.ping(), conflicts: NO_ROWS };
    return this.backend.insert(jobs, options);
  }

  claimJobs(request: ClaimRequest): Promise<ClaimResult> {
    return this.backend.claims.claim(request);
  }

  async settleJobs(workerId: WorkerId, settlements: readonly Settlement[]): Promise<SettleResult> {
    if (settlements.length === 0) return { lost: [], cancelled: [] };
    const { result, queues, inMs } = await this.backend.settlements.settle(workerId, settlements);
    this.backend.tellReady(queues, inMs);
    return result;
  }

  async reportJobs(workerId: WorkerId, reports: readonly JobReport[]): Promise<void> {
    if (reports.length > 0)
      await this.backend.run((session) => this.backend.reports.report(session, workerId, reports));
  }

  listHeldJobs(workerId: WorkerId): Promise<readonly HeldJob[]> {
    return this.backend.run((session) => this.backend.workers.held(session, workerId));
  }

  async rescueJobs(options: RescueOptions): Promise<readonly RescuedJob[]> {
    const { rescue, reads } = this.backend;
    const error = toErrorRecord(new WorkerLostError('the worker that ran this attempt died or lost its lease'));
    const { stack: _, ...plain } = error;
    const freed = await this.backend.run((session) => rescue.rescue(session, options, plain));
    if (freed.length === 0) return [];
    const jobs = await this.backend.run((session) =>
      reads.getAll(
        session,
        freed.map(({ id }) => id),
      ),
    );
    const workers = new Map(freed.map(({ id, workerId }) => [id, workerId]));
    const waiting = jobs.filter(({ state }) => state === 'retrying');
    this.backend.tellReady([...new Set(waiting.map(({ queue }) => queue))]);
    return jobs.map((job) => ({ job, workerId: workers.get(job.id)! }));
  }

  async cancelJob(
    id: JobId,
    scope?: Scope,
  ): Promise<{ readonly kind: 'cancelled' | 'requested'; readonly job: JobRecord }> {
    const { steering, wakes } = this.backend;
    const [cancelled, job] = await this.steer(id, scope, 'cancel', (session) => steering.cancel(session, id, scope));
    if (!cancelled) throw new JobAlreadyCompleteError(id, job.state);
    const { runningOn } = cancelled;
    if (runningOn === null) return { kind: 'cancelled', job };
    wakes.tell({ kind: 'cancel', jobId: id, workerId: runningOn });
    return { kind: 'requested', job };
  }

  async retryJob(id: JobId, scope?: Scope): Promise<JobRecord> {
    const { steering } = this.backend;
    const [queue, job] = await this.steer(id, scope, 'reopen', (session) => steering.retry(session, id, scope));
    if (queue === undefined) {
      throw new InvalidStateError(
        `job ${id} cannot be retried in state ${job.state}: only failed and cancelled jobs can.`,
        job.state,
      );
    }
    this.backend.tellReady([queue]);
    return job;
  }

  async discardJob(id: JobId, scope?: Scope): Promise<void> {
    const { steering } = this.backend;
    for (let attempt = 1; ; attempt++) {
      if (await this.backend.run((session) => steering.discard(session, id, scope))) return;
      const { state } = await this.existing(id, scope);
      if (attempt < TRIES && canTransition('discard', state)) continue;
      throw new InvalidStateError(`job ${id} cannot be discarded in state ${state}: cancel it first.`, state);
    }
  }

  getJob(id: JobId, scope?: Scope): Promise<JobRecord | null> {
    return this.backend.get(id, scope);
  }

  listJobs(options: ListJobsOptions = {}): Promise<JobPage> {
    return this.backend.run((session) => this.backend.reads.list(session, options));
  }

  countJobs(options: CountJobsOptions = {}): Promise<JobCounts> {
    return this.backend.run((session) => this.backend.reads.count(session, options));
  }

  listJobLogs(
    id: JobId,
    options: { readonly limit?: number; readonly scope?: Scope } = {},
  ): Promise<readonly JobLogRecord[]> {
    return this.backend.run((session) => this.backend.reads.logs(session, id, options.limit, options.scope));
  }

  pruneJobs({ state, olderThanMs, limit }: PruneJobsOptions): Promise<number> {
    return this.backend.run((session) => this.backend.steering.prune(session, state, olderThanMs, limit));
  }

  listDlq(options: ListDlqOptions = {}): Promise<DlqPage> {
    return this.backend.run((session) => this.backend.dlq.list(session, options));
  }

  getDlqEntry(id: DlqId, scope?: Scope): Promise<DlqEntryRecord | null> {
    return this.backend.run((session) => this.backend.dlq.get(session, id, scope));
  }

  countDlq(options: DlqFilter = {}): Promise<number> {
    return this.backend.run((session) => this.backend.dlq.count(session, options));
  }

  async replayDlqEntry(id: DlqId, options: ReplayDlqOptions): Promise<JobRecord> {
    const queue = await this.backend.run((session) => this.backend.dlq.replay(session, id, options));
    if (queue !== undefined) {
      this.backend.tellReady([queue]);
      return this.existing(options.jobId);
    }
    const entry = await this.getDlqEntry(id, options.scope);
    if (!entry) throw new DlqEntryNotFoundError(id);
    throw new InvalidStateError(
      `dead-letter entry ${id} was replayed before, as job ${entry.replayJobId ?? 'unknown'}. Pass force: true to replay it again.`,
      'replayed',
    );
  }

  purgeDlq({
    olderThanMs,
    limit,
    scope,
  }: {
    readonly olderThanMs: number;
    readonly limit: number;
    readonly scope?: Scope;
  }): Promise<number> {
    return this.backend.run((session) => this.backend.dlq.purge(session, olderThanMs, limit, scope));
  }

  registerWorker(worker: NewWorker, leaseMs: number): Promise<void> {
    return this.backend.run((session) => this.backend.workers.register(session, worker, leaseMs));
  }

  heartbeat(request: HeartbeatRequest): Promise<HeartbeatResult> {
    const { workerId, runs } = request;
    return this.backend.run(async (session) => {
      const result = await this.backend.workers.heartbeat(session, request);
      if (!runs) return result;
      if (!result.alive) return { ...result, runs: { lost: runs.map(({ id }) => id), cancelRequested: [] } };
      return { ...result, runs: await this.backend.runs.reads.beat(session, workerId, runs) };
    });
  }

  pulse(workerId: WorkerId, leaseMs: number): Promise<PulseSource | undefined> {
    return this.backend.pulse(workerId, leaseMs);
  }

  drainWorker(workerId: WorkerId): Promise<void> {
    return this.backend.run((session) => this.backend.workers.drain(session, workerId));
  }

  deregisterWorker(workerId: WorkerId, { idle = false }: { readonly idle?: boolean } = {}): Promise<void> {
    return this.backend.run((session) => this.backend.workers.deregister(session, workerId, idle));
  }

  listWorkers(): Promise<readonly WorkerRecord[]> {
    return this.backend.run((session) => this.backend.workers.list(session));
  }

  pruneWorkers({ deadForMs, limit }: { readonly deadForMs: number; readonly limit: number }): Promise<number> {
    return this.backend.run((session) => this.backend.workers.prune(session, deadForMs, limit));
  }

  /**
   * A statement that acts on a job sees it as of its own beginning: of one that moves between tables at that moment it
   * finds nothing. Where the job could have been acted on, it is tried again.
   *
   * @returns what the statement returned, nothing when the job's state forbids it, and the job
   */
  private async steer<T>(
    id: JobId,
    scope: Scope | undefined,
    transition: JobTransition,
    act: (session: PgSession) => Promise<T>,
  ): Promise<readonly [T, JobRecord]> {
    for (let attempt = 1; ; attempt++) {
      const acted = await this.backend.run(act);
      const job = await this.existing(id, scope);
      const found = acted !== null && acted !== undefined;
      if (found || attempt >= TRIES || !canTransition(transition, job.state)) return [acted, job];
    }
  }

  private async existing(id: JobId, scope?: Scope): Promise<JobRecord> {
    const job = await this.backend.get(id, scope);
    if (!job) throw new JobNotFoundError(id);
    return job;
  }
}
