import type { HeartbeatRequest, HeartbeatResult, PulseSource } from '../../../cluster/cluster-store.js';
import type { NewWorker, WorkerRecord } from '../../../cluster/worker-record.js';
import type { DlqEntryRecord } from '../../../dlq/dlq-entry.js';
import type { DlqFilter, DlqPage, ListDlqOptions, ReplayDlqOptions } from '../../../dlq/dlq-store.js';
import type { EventRecord, NewEvent } from '../../../event/event-record.js';
import type { EventPage, ListEventsOptions, PublishEventsOptions } from '../../../event/event-store.js';
import type { DlqId, EventId, JobId, RunId, WorkerId } from '../../../id/ids.js';
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
import type { Settlement } from '../../../job/outcome.js';
import type { Scope } from '../../../scope/scope.js';
import type { CheckpointRecord } from '../../../workflow/checkpoint.js';
import type { CommitRunsResult, RunCommit } from '../../../workflow/run-commit.js';
import type { HeldRun, NewRun, RunRecord } from '../../../workflow/run-record.js';
import type { OpenWaits } from '../../../workflow/wait.js';
import type * as workflow from '../../../workflow/workflow-store.js';
import type { MigrationMode, MigrationStatus, Store, Wake } from '../../store.js';
import { toJobRecord } from './rows.js';
import type { Tx } from './session.js';
import { SqliteBackend } from './sqlite-backend.js';
import * as runActions from './runs/actions.js';
import * as runClaims from './runs/claim.js';
import * as runCommits from './runs/commit.js';
import * as events from './runs/events.js';
import * as runHistory from './runs/history.js';
import * as runInserts from './runs/insert.js';
import * as runLists from './runs/list.js';
import * as runRescue from './runs/rescue.js';
import { toRunRecord } from './runs/rows.js';
import type { SqliteStoreOptions } from './sqlite-options.js';
import * as claim from './sql/claim.js';
import * as cluster from './sql/cluster.js';
import * as dlq from './sql/dlq.js';
import * as insert from './sql/insert.js';
import * as list from './sql/list.js';
import * as manage from './sql/manage.js';
import * as report from './sql/report.js';
import * as rescue from './sql/rescue.js';
import * as settle from './sql/settle.js';

/**
 * Makes a store on a SQLite file. Nothing is opened before `migrate` or the first call.
 *
 * @throws InvalidOptionsError when the options name no file; see {@link SqliteStoreOptions}
 */
export function createSqliteStore(options: SqliteStoreOptions): Store {
  return new SqliteStore(new SqliteBackend(options));
}

class SqliteStore implements Store {
  readonly kind = 'sqlite';
  readonly supportsTransactions = true;

  constructor(private readonly backend: SqliteBackend) {}

  migrate(mode: MigrationMode = 'auto'): Promise<void> {
    return this.backend.migrate(mode);
  }

  migrations(): Promise<readonly MigrationStatus[]> {
    return this.backend.migrations();
  }

  ping(): Promise<number> {
    return this.backend.read((tx) => tx.now);
  }

  onWake(listener: (wake: Wake) => void): () => void {
    return this.backend.onWake(listener);
  }

  transaction<T>(fn: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    return this.backend.callers.run(fn);
  }

  close(): Promise<void> {
    return this.backend.close();
  }

  insertJobs(jobs: readonly NewJob[], options: InsertJobsOptions = {}): Promise<InsertJobsResult> {
    const { transaction, retry = false } = options;
    if (transaction) return this.backend.callers.join(transaction, (tx) => insert.insertJobs(tx, jobs, retry));
    return this.backend.write((tx) => insert.insertJobs(tx, jobs, retry));
  }

  claimJobs(request: ClaimRequest): Promise<ClaimResult> {
    return this.backend.write((tx) => claim.claimJobs(tx, request));
  }

  settleJobs(workerId: WorkerId, settlements: readonly Settlement[]): Promise<SettleResult> {
    return this.backend.write((tx) => settle.settleJobs(tx, workerId, settlements));
  }

  reportJobs(workerId: WorkerId, reports: readonly JobReport[]): Promise<void> {
    return this.backend.write((tx) => report.reportJobs(tx, workerId, reports));
  }

  listHeldJobs(workerId: WorkerId): Promise<readonly HeldJob[]> {
    return this.backend.read((tx) => cluster.listHeldJobs(tx, workerId));
  }

  rescueJobs(options: RescueOptions): Promise<readonly RescuedJob[]> {
    return this.backend.write((tx) => rescue.rescueJobs(tx, options));
  }

  cancelJob(id: JobId, scope?: Scope): Promise<{ readonly kind: 'cancelled' | 'requested'; readonly job: JobRecord }> {
    return this.backend.write((tx) => manage.cancelJob(tx, id, scope));
  }

  retryJob(id: JobId, scope?: Scope): Promise<JobRecord> {
    return this.backend.write((tx) => manage.retryJob(tx, id, scope));
  }

  discardJob(id: JobId, scope?: Scope): Promise<void> {
    return this.backend.write((tx) => manage.discardJob(tx, id, scope));
  }

  getJob(id: JobId, scope?: Scope): Promise<JobRecord | null> {
    return this.backend.read((tx) => {
      const row = manage.findJob(tx, id, scope);
      return row ? toJobRecord(row) : null;
    });
  }

  listJobs(options: ListJobsOptions = {}): Promise<JobPage> {
    return this.backend.read((tx) => list.listJobs(tx, options));
  }

  countJobs(options: CountJobsOptions = {}): Promise<JobCounts> {
    return this.backend.read((tx) => list.countJobs(tx, options));
  }

  listJobLogs(
    id: JobId,
    options: { readonly limit?: number; readonly scope?: Scope } = {},
  ): Promise<readonly JobLogRecord[]> {
    return this.backend.read((tx) => report.listJobLogs(tx, id, options));
  }

  pruneJobs(options: PruneJobsOptions): Promise<number> {
    return this.backend.write((tx) => manage.pruneJobs(tx, options));
  }

  listDlq(options: ListDlqOptions = {}): Promise<DlqPage> {
    return this.backend.read((tx) => dlq.listDlq(tx, options));
  }

  getDlqEntry(id: DlqId, scope?: Scope): Promise<DlqEntryRecord | null> {
    return this.backend.read((tx) => dlq.getDlqEntry(tx, id, scope));
  }

  countDlq(options: DlqFilter = {}): Promise<number> {
    return this.backend.read((tx) => dlq.countDlq(tx, options));
  }

  replayDlqEntry(id: DlqId, options: ReplayDlqOptions): Promise<JobRecord> {
    return this.backend.write((tx) => dlq.replayDlqEntry(tx, id, options));
  }

  purgeDlq(options: { readonly olderThanMs: number; readonly limit: number; readonly scope?: Scope }): Promise<number> {
    return this.backend.write((tx) => dlq.purgeDlq(tx, options));
  }

  registerWorker(worker: NewWorker, leaseMs: number): Promise<void> {
    return this.backend.write((tx) => cluster.registerWorker(tx, worker, leaseMs));
  }

  heartbeat(request: HeartbeatRequest): Promise<HeartbeatResult> {
    return this.backend.write((tx) => cluster.heartbeat(tx, request));
  }

  async pulse(workerId: WorkerId, leaseMs: number): Promise<PulseSource | undefined> {
    return this.backend.pulse(workerId, leaseMs);
  }

  drainWorker(workerId: WorkerId): Promise<void> {
    return this.backend.write((tx) => cluster.drainWorker(tx, workerId));
  }

  deregisterWorker(workerId: WorkerId): Promise<void> {
    return this.backend.write((tx) => cluster.deregisterWorker(tx, workerId));
  }

  listWorkers(): Promise<readonly WorkerRecord[]> {
    return this.backend.read((tx) => cluster.listWorkers(tx));
  }

  pruneWorkers(options: { readonly deadForMs: number; readonly limit: number }): Promise<number> {
    return this.backend.write((tx) => cluster.pruneWorkers(tx, options.deadForMs, options.limit));
  }

  insertRuns(runs: readonly NewRun[], options: workflow.InsertRunsOptions = {}): Promise<workflow.InsertRunsResult> {
    const { transaction, retry = false } = options;
    const work = (tx: Tx): workflow.InsertRunsResult => runInserts.insertRuns(tx, runs, retry);
    return transaction ? this.backend.callers.join(transaction, work) : this.backend.write(work);
  }

  claimRuns(request: workflow.ClaimRunsRequest): Promise<workflow.ClaimRunsResult> {
    return this.backend.write((tx) => runClaims.claimRuns(tx, request));
  }

  listHeldRuns(workerId: WorkerId): Promise<readonly HeldRun[]> {
    return this.backend.read((tx) => runClaims.listHeldRuns(tx, workerId));
  }

  loadHistory(workerId: WorkerId, runs: readonly HeldRun[]): Promise<ReadonlyMap<RunId, workflow.RunHistory>> {
    return this.backend.read((tx) => runHistory.loadHistory(tx, workerId, runs));
  }

  loadWaits(workerId: WorkerId, runs: readonly HeldRun[]): Promise<ReadonlyMap<RunId, OpenWaits>> {
    return this.backend.read((tx) => runHistory.loadWaits(tx, workerId, runs));
  }

  commitRuns(
    workerId: WorkerId,
    commits: readonly RunCommit[],
    { transaction }: { readonly transaction?: StoreTransaction } = {},
  ): Promise<CommitRunsResult> {
    const work = (tx: Tx): CommitRunsResult => runCommits.commitRuns(tx, workerId, commits);
    return transaction ? this.backend.callers.join(transaction, work) : this.backend.write(work);
  }

  rescueRuns({ limit }: { readonly limit: number }): Promise<readonly workflow.RescuedRun[]> {
    return this.backend.write((tx) => runRescue.rescueRuns(tx, limit));
  }

  cancelRun(
    id: RunId,
    options: workflow.CancelRunOptions,
  ): Promise<{ readonly kind: 'cancelled' | 'compensating' | 'requested'; readonly run: RunRecord }> {
    return this.backend.write((tx) => runActions.cancelRun(tx, id, options));
  }

  retryRun(id: RunId, scope?: Scope): Promise<RunRecord> {
    return this.backend.write((tx) => runActions.retryRun(tx, id, scope));
  }

  resumeRun(id: RunId, scope?: Scope): Promise<RunRecord> {
    return this.backend.write((tx) => runActions.resumeRun(tx, id, scope));
  }

  replayRun(id: RunId, key: string, scope?: Scope): Promise<RunRecord> {
    return this.backend.write((tx) => runActions.replayRun(tx, id, key, scope));
  }

  migrateRun(id: RunId, version: number, scope?: Scope): Promise<RunRecord> {
    return this.backend.write((tx) => runActions.migrateRun(tx, id, version, scope));
  }

  getRun(id: RunId, scope?: Scope): Promise<RunRecord | null> {
    return this.backend.read((tx) => {
      const row = runActions.findRun(tx, id, scope);
      return row ? toRunRecord(row) : null;
    });
  }

  listRuns(options: workflow.ListRunsOptions = {}): Promise<workflow.RunPage> {
    return this.backend.read((tx) => runLists.listRuns(tx, options));
  }

  countRuns(options: Omit<workflow.RunFilter, 'states'> = {}): Promise<workflow.RunCounts> {
    return this.backend.read((tx) => runLists.countRuns(tx, options));
  }

  listCheckpoints(id: RunId, scope?: Scope): Promise<readonly CheckpointRecord[]> {
    return this.backend.read((tx) => runLists.listCheckpoints(tx, id, scope));
  }

  pruneRuns(options: Parameters<workflow.WorkflowStore['pruneRuns']>[0]): Promise<number> {
    return this.backend.write((tx) => runLists.pruneRuns(tx, options));
  }

  publishEvents(newEvents: readonly NewEvent[], options: PublishEventsOptions = {}): Promise<{ readonly now: number }> {
    const { transaction, retry = false } = options;
    const work = (tx: Tx): { readonly now: number } => events.publishEvents(tx, newEvents, retry);
    return transaction ? this.backend.callers.join(transaction, work) : this.backend.write(work);
  }

  matchEvents(): Promise<number> {
    // A publish wakes who waits in its own transaction.
    return this.backend.read(() => 0);
  }

  getEvent(id: EventId, scope?: Scope): Promise<EventRecord | null> {
    return this.backend.read((tx) => events.getEvent(tx, id, scope));
  }

  listEvents(options: ListEventsOptions = {}): Promise<EventPage> {
    return this.backend.read((tx) => events.listEvents(tx, options));
  }

  pruneEvents({ limit }: { readonly limit: number }): Promise<number> {
    return this.backend.write((tx) => events.pruneEvents(tx, limit));
  }
}
