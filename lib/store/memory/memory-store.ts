import type { Clock } from '../../clock/clock.js';
import { systemClock } from '../../clock/system-clock.js';
import type { HeartbeatRequest, HeartbeatResult } from '../../cluster/cluster-store.js';
import type { NewWorker, WorkerRecord } from '../../cluster/worker-record.js';
import type { DlqEntryRecord } from '../../dlq/dlq-entry.js';
import type { DlqFilter, DlqPage, ListDlqOptions, ReplayDlqOptions } from '../../dlq/dlq-store.js';
import { InvalidOptionsError, StoreClosedError } from '../../errors.js';
import type { EventRecord, NewEvent } from '../../event/event-record.js';
import type { EventPage, ListEventsOptions, PublishEventsOptions } from '../../event/event-store.js';
import type { DlqId, EventId, JobId, RunId, WorkerId } from '../../id/ids.js';
import type { JobRecord, NewJob } from '../../job/job-record.js';
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
} from '../../job/job-store.js';
import type { Settlement } from '../../job/outcome.js';
import type { Scope } from '../../scope/scope.js';
import type { CheckpointRecord } from '../../workflow/checkpoint.js';
import type { CommitRunsResult, RunCommit } from '../../workflow/run-commit.js';
import type { HeldRun, NewRun, RunRecord } from '../../workflow/run-record.js';
import type { OpenWaits } from '../../workflow/wait.js';
import type * as workflow from '../../workflow/workflow-store.js';
import type { MigrationStatus, Store, Wake } from '../store.js';
import { WakeHub } from '../wake-hub.js';
import { claimJobs } from './claim-jobs.js';
import { countDlq, getDlqEntry, listDlq, purgeDlq, replayDlqEntry } from './dead-letters.js';
import { insertJobs } from './insert-jobs.js';
import { cancelJob, discardJob, retryJob } from './job-actions.js';
import { countJobs, listJobs, pruneJobs } from './job-lists.js';
import { listJobLogs, reportJobs } from './job-reports.js';
import { MemoryData } from './memory-data.js';
import { isInScope, toRecord } from './memory-job.js';
import { rescueJobs } from './rescue-jobs.js';
import { claimRuns, loadHistory, loadWaits } from './runs/claim-runs.js';
import { commitRuns } from './runs/commit-runs.js';
import { getEvent, listEvents, pruneEvents, publishEvents } from './runs/events.js';
import { insertRuns } from './runs/insert-runs.js';
import { toRunRecord } from './runs/memory-run.js';
import { rescueRuns } from './runs/rescue-runs.js';
import { cancelRun, migrateRun, replayRun, resumeRun, retryRun } from './runs/run-actions.js';
import { countRuns, listCheckpoints, listRuns, pruneRuns } from './runs/run-lists.js';
import { settleJobs } from './settle-jobs.js';
import { WakeList } from '../wake-list.js';
import { drainWorker, heartbeat, listWorkers, pruneWorkers, registerWorker } from './workers.js';

/** Options of {@link createMemoryStore}. */
export interface MemoryStoreOptions {
  /** Where every time comes from. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Another memory store whose data this one uses too, as two processes use one database. */
  readonly shareWith?: Store;
}

const NO_TRANSACTIONS =
  'the memory store has no transactions: leave "manager" out, or use a store that lives in the database of the transaction.';

/**
 * A store in this process's memory, with the meaning of the others: for tests and for trying things out. What it
 * holds ends with the process. Every call is carried out at once and in one piece.
 *
 * @throws InvalidOptionsError when `shareWith` is no memory store
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  const { clock = systemClock, shareWith } = options;
  if (shareWith === undefined) return new MemoryStore(new MemoryData(), clock);
  if (shareWith instanceof MemoryStore) return new MemoryStore(shareWith.data, clock);
  throw new InvalidOptionsError('"shareWith" must be a store that createMemoryStore made.');
}

class MemoryStore implements Store {
  readonly kind = 'memory';
  readonly supportsTransactions = false;
  private readonly hub = new WakeHub();
  private isClosed = false;

  constructor(
    readonly data: MemoryData,
    private readonly clock: Clock,
  ) {
    data.hubs.add(this.hub);
  }

  async insertJobs(jobs: readonly NewJob[], options: InsertJobsOptions = {}): Promise<InsertJobsResult> {
    return this.run((now) => {
      if (options.transaction) throw new InvalidOptionsError(NO_TRANSACTIONS);
      return insertJobs(this.data, jobs, options.retry === true, now);
    });
  }

  async claimJobs(request: ClaimRequest): Promise<ClaimResult> {
    return this.run((now) => claimJobs(this.data, request, now));
  }

  async settleJobs(workerId: WorkerId, settlements: readonly Settlement[]): Promise<SettleResult> {
    return this.run((now) => settleJobs(this.data, workerId, settlements, now));
  }

  async reportJobs(workerId: WorkerId, reports: readonly JobReport[]): Promise<void> {
    this.run((now) => reportJobs(this.data, workerId, reports, now));
  }

  async listHeldJobs(workerId: WorkerId): Promise<readonly HeldJob[]> {
    return this.run(() => [...(this.data.held.get(workerId) ?? [])].map(({ id, attempt }) => ({ id, attempt })));
  }

  async rescueJobs(options: RescueOptions): Promise<readonly RescuedJob[]> {
    return this.run((now) => rescueJobs(this.data, options, now));
  }

  async cancelJob(id: JobId, scope?: Scope): Promise<{ kind: 'cancelled' | 'requested'; job: JobRecord }> {
    return this.run((now) => cancelJob(this.data, id, scope, now));
  }

  async retryJob(id: JobId, scope?: Scope): Promise<JobRecord> {
    return this.run((now) => retryJob(this.data, id, scope, now));
  }

  async discardJob(id: JobId, scope?: Scope): Promise<void> {
    this.run(() => discardJob(this.data, id, scope));
  }

  async getJob(id: JobId, scope?: Scope): Promise<JobRecord | null> {
    return this.run(() => {
      const job = this.data.jobs.get(id);
      return job && isInScope(job, scope) ? toRecord(job) : null;
    });
  }

  async listJobs(options: ListJobsOptions = {}): Promise<JobPage> {
    return this.run(() => listJobs(this.data, options));
  }

  async countJobs(options: CountJobsOptions = {}): Promise<JobCounts> {
    return this.run(() => countJobs(this.data, options));
  }

  async listJobLogs(
    id: JobId,
    options?: { readonly limit?: number; readonly scope?: Scope },
  ): Promise<readonly JobLogRecord[]> {
    return this.run(() => listJobLogs(this.data, id, options));
  }

  async pruneJobs(options: PruneJobsOptions): Promise<number> {
    return this.run((now) => pruneJobs(this.data, options, now));
  }

  async listDlq(options: ListDlqOptions = {}): Promise<DlqPage> {
    return this.run(() => listDlq(this.data, options));
  }

  async getDlqEntry(id: DlqId, scope?: Scope): Promise<DlqEntryRecord | null> {
    return this.run(() => getDlqEntry(this.data, id, scope));
  }

  async countDlq(options: DlqFilter = {}): Promise<number> {
    return this.run(() => countDlq(this.data, options));
  }

  async replayDlqEntry(id: DlqId, options: ReplayDlqOptions): Promise<JobRecord> {
    return this.run((now) => replayDlqEntry(this.data, id, options, now));
  }

  async purgeDlq(options: {
    readonly olderThanMs: number;
    readonly limit: number;
    readonly scope?: Scope;
  }): Promise<number> {
    return this.run((now) => purgeDlq(this.data, options, now));
  }

  async registerWorker(worker: NewWorker, leaseMs: number): Promise<void> {
    this.run((now) => registerWorker(this.data, worker, leaseMs, now));
  }

  async heartbeat(request: HeartbeatRequest): Promise<HeartbeatResult> {
    return this.run((now) => heartbeat(this.data, request, now));
  }

  async drainWorker(workerId: WorkerId): Promise<void> {
    this.run(() => drainWorker(this.data, workerId));
  }

  async deregisterWorker(workerId: WorkerId): Promise<void> {
    this.run(() => this.data.workers.delete(workerId));
  }

  async listWorkers(): Promise<readonly WorkerRecord[]> {
    return this.run((now) => listWorkers(this.data, now));
  }

  async pruneWorkers(options: { readonly deadForMs: number; readonly limit: number }): Promise<number> {
    return this.run((now) => pruneWorkers(this.data, options, now));
  }

  async insertRuns(
    runs: readonly NewRun[],
    options: workflow.InsertRunsOptions = {},
  ): Promise<workflow.InsertRunsResult> {
    return this.run((now) => {
      if (options.transaction) throw new InvalidOptionsError(NO_TRANSACTIONS);
      return insertRuns(this.data, runs, options.retry === true, now);
    });
  }

  async claimRuns(request: workflow.ClaimRunsRequest): Promise<workflow.ClaimRunsResult> {
    return this.run((now) => claimRuns(this.data, request, now));
  }

  async listHeldRuns(workerId: WorkerId): Promise<readonly HeldRun[]> {
    return this.run(() => [...(this.data.runs.held.get(workerId) ?? [])].map(({ id, attempt }) => ({ id, attempt })));
  }

  async loadHistory(workerId: WorkerId, runs: readonly HeldRun[]): Promise<ReadonlyMap<RunId, workflow.RunHistory>> {
    return this.run((now) => loadHistory(this.data, workerId, runs, now));
  }

  async loadWaits(workerId: WorkerId, runs: readonly HeldRun[]): Promise<ReadonlyMap<RunId, OpenWaits>> {
    return this.run((now) => loadWaits(this.data, workerId, runs, now));
  }

  async commitRuns(
    workerId: WorkerId,
    commits: readonly RunCommit[],
    options: { readonly transaction?: object } = {},
  ): Promise<CommitRunsResult> {
    return this.run((now) => {
      if (options.transaction) throw new InvalidOptionsError(NO_TRANSACTIONS);
      return commitRuns(this.data, workerId, commits, now);
    });
  }

  async rescueRuns({ limit }: { readonly limit: number }): Promise<readonly workflow.RescuedRun[]> {
    return this.run((now) => rescueRuns(this.data, limit, now));
  }

  async cancelRun(
    id: RunId,
    options: workflow.CancelRunOptions,
  ): Promise<{ kind: 'cancelled' | 'compensating' | 'requested'; run: RunRecord }> {
    return this.run((now) => cancelRun(this.data, id, options, now));
  }

  async retryRun(id: RunId, scope?: Scope): Promise<RunRecord> {
    return this.run((now) => retryRun(this.data, id, scope, now));
  }

  async resumeRun(id: RunId, scope?: Scope): Promise<RunRecord> {
    return this.run((now) => resumeRun(this.data, id, scope, now));
  }

  async replayRun(id: RunId, key: string, scope?: Scope): Promise<RunRecord> {
    return this.run((now) => replayRun(this.data, id, key, scope, now));
  }

  async migrateRun(id: RunId, version: number, scope?: Scope): Promise<RunRecord> {
    return this.run((now) => migrateRun(this.data, id, version, scope, now));
  }

  async getRun(id: RunId, scope?: Scope): Promise<RunRecord | null> {
    return this.run(() => {
      const run = this.data.runs.runs.get(id);
      return run && isInScope(run, scope) ? toRunRecord(run) : null;
    });
  }

  async listRuns(options: workflow.ListRunsOptions = {}): Promise<workflow.RunPage> {
    return this.run(() => listRuns(this.data, options));
  }

  async countRuns(options: Omit<workflow.RunFilter, 'states'> = {}): Promise<workflow.RunCounts> {
    return this.run(() => countRuns(this.data, options));
  }

  async listCheckpoints(id: RunId, scope?: Scope): Promise<readonly CheckpointRecord[]> {
    return this.run(() => listCheckpoints(this.data, id, scope));
  }

  async pruneRuns(options: Parameters<workflow.WorkflowStore['pruneRuns']>[0]): Promise<number> {
    return this.run((now) => pruneRuns(this.data, options, now));
  }

  async publishEvents(
    events: readonly NewEvent[],
    options: PublishEventsOptions = {},
  ): Promise<{ readonly now: number }> {
    return this.run((now) => {
      if (options.transaction) throw new InvalidOptionsError(NO_TRANSACTIONS);
      return publishEvents(this.data, events, options.retry === true, now);
    });
  }

  async matchEvents(): Promise<number> {
    // A publish wakes who waits in the same call.
    return this.run(() => 0);
  }

  async getEvent(id: EventId, scope?: Scope): Promise<EventRecord | null> {
    return this.run(() => getEvent(this.data, id, scope));
  }

  async listEvents(options: ListEventsOptions = {}): Promise<EventPage> {
    return this.run(() => listEvents(this.data, options));
  }

  async pruneEvents({ limit }: { readonly limit: number }): Promise<number> {
    return this.run((now) => pruneEvents(this.data, limit, now));
  }

  async migrate(): Promise<void> {
    this.run(() => undefined);
  }

  async migrations(): Promise<readonly MigrationStatus[]> {
    return this.run(() => []);
  }

  async ping(): Promise<number> {
    return this.run((now) => now);
  }

  onWake(listener: (wake: Wake) => void): () => void {
    return this.hub.add(listener);
  }

  async transaction<T>(): Promise<T> {
    return this.run(() => {
      throw new InvalidOptionsError(NO_TRANSACTIONS);
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.data.hubs.delete(this.hub);
    this.hub.clear();
  }

  /** Carries out one call. Listeners hear of it when it is through: they may call the store again. */
  private run<T>(call: (now: number) => T): T {
    if (this.isClosed) throw new StoreClosedError();
    const wakes = new WakeList();
    this.data.wakes = wakes;
    const result = call(this.clock.now());
    for (const wake of wakes.wakes) for (const hub of this.data.hubs) hub.emit(wake);
    return result;
  }
}
