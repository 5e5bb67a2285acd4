import type { HeartbeatRequest, HeartbeatResult, PulseSource } from '../../../cluster/cluster-store.js';
import type { NewWorker, WorkerRecord } from '../../../cluster/worker-record.js';
import type { DlqEntryRecord } from '../../../dlq/dlq-entry.js';
import type { DlqFilter, DlqPage, ListDlqOptions, ReplayDlqOptions } from '../../../dlq/dlq-store.js';
import type { DlqId, JobId, WorkerId } from '../../../id/ids.js';
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
import type { MigrationMode, MigrationStatus, Store, Wake } from '../../store.js';
import { toJobRecord } from './rows.js';
import { SqliteBackend } from './sqlite-backend.js';
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
    if (transaction) return this.backend.callers.insert(transaction, jobs, retry);
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
}
