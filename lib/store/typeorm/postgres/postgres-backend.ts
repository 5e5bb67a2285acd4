import { systemClock } from '../../../clock/system-clock.js';
import type { PulseSource } from '../../../cluster/cluster-store.js';
import type { JobId, WorkerId } from '../../../id/ids.js';
import type { JobRecord, NewJob } from '../../../job/job-record.js';
import type { HandOff, InsertJobsOptions, InsertJobsResult } from '../../../job/job-store.js';
import { type DispatchLogger, consoleLogger } from '../../../observability/logger.js';
import type { Scope } from '../../../scope/scope.js';
import { wakesOfInsert } from '../../wakes-of-insert.js';
import type { Migrator } from '../migrator.js';
import { Gate } from './gate.js';
import { PgConnection } from './pg-connection.js';
import { PgEnqueue } from './pg-enqueue.js';
import { createPgMigrator } from './pg-migrations.js';
import type { PgSession } from './pg-session.js';
import { pgPulse } from './pg-pulse.js';
import { PgTransactions } from './pg-transactions.js';
import { PgWakes } from './pg-wakes.js';
import { type PostgresStoreOptions, resolvePostgresOptions } from './postgres-options.js';
import { PgRunParts } from './runs/run-parts.js';
import { PgClaims } from './sql/claim.js';
import { PgDlq } from './sql/dlq.js';
import { PgInserts } from './sql/insert.js';
import { PgJobReads } from './sql/read-jobs.js';
import { PgReports } from './sql/reports.js';
import { PgRescue } from './sql/rescue.js';
import { PgSettlements } from './sql/settle.js';
import { PgSteering } from './sql/steer.js';
import { PgUniqueKeys } from './sql/unique-keys.js';
import { PgWorkers } from './sql/workers.js';
import { type Tables, tablesOf } from './tables.js';

const NOT_INSERTED_YET: InsertJobsResult = { now: 0, conflicts: new Map() };

/** The parts that a PostgreSQL store is made of. */
export class PostgresBackend {
  readonly connection: PgConnection;
  readonly migrator: Migrator;
  readonly transactions: PgTransactions;
  readonly wakes: PgWakes;
  readonly claims: PgClaims;
  readonly settlements: PgSettlements;
  readonly rescue: PgRescue;
  readonly reads: PgJobReads;
  readonly steering: PgSteering;
  readonly reports: PgReports;
  readonly dlq: PgDlq;
  readonly workers: PgWorkers;
  readonly runs: PgRunParts;
  readonly logger: DispatchLogger;
  private readonly tables: Tables;
  private readonly enqueue: PgEnqueue;
  /** Inserts can be held up by unique keys in callers' transactions: heartbeats and settlements must not wait with them. */
  private readonly inserts: Gate;

  /** @throws InvalidOptionsError */
  constructor(private readonly options: PostgresStoreOptions) {
    const resolved = resolvePostgresOptions(options);
    const { clock = systemClock, logger = consoleLogger } = options;
    const tables = (this.tables = tablesOf(resolved.schema));
    this.connection = new PgConnection(resolved, clock.overridesStore ? clock : null, logger);
    this.migrator = createPgMigrator(this.connection, tables);
    this.transactions = new PgTransactions(this.connection, 'dataSource' in options ? options.dataSource : undefined);
    this.logger = logger;
    this.reads = new PgJobReads(tables);
    this.runs = new PgRunParts(this.connection, tables);
    const cancelRequests = () => this.run((session) => this.reads.cancelRequests(session));
    const runCancelRequests = () => this.run((session) => this.runs.reads.cancelRequests(session));
    this.claims = new PgClaims(this.connection, tables, clock);
    this.wakes = new PgWakes(this.connection, {
      ...resolved,
      cancelRequests,
      runCancelRequests,
      onNews: () => this.claims.heard(),
      clock: systemClock,
      logger,
    });
    this.settlements = new PgSettlements(this.connection, tables);
    this.rescue = new PgRescue(tables, resolved.callTimeoutMs);
    this.steering = new PgSteering(tables);
    this.reports = new PgReports(tables);
    this.dlq = new PgDlq(tables);
    this.workers = new PgWorkers(tables);
    this.inserts = new Gate(Math.max(1, resolved.poolSize - 2));
    this.enqueue = new PgEnqueue(new PgInserts(tables), new PgUniqueKeys(tables), this.reads);
  }

  async insert(
    jobs: readonly NewJob[],
    { transaction, retry = false, handOff }: InsertJobsOptions,
  ): Promise<InsertJobsResult> {
    const write = (session: PgSession): Promise<InsertJobsResult> => this.enqueue.insert(session, jobs, retry);
    if (transaction) return this.transactions.join(transaction, write, (result) => this.tellInsert(jobs, result));
    if (!this.enqueue.needsTransaction(jobs, retry)) {
      return handOff ? this.insertHandingOff(jobs, handOff) : this.insertPlain(jobs);
    }
    const result = await this.inserts.run(() => this.connection.transaction(write));
    this.tellInsert(jobs, result);
    return result;
  }

  private async insertHandingOff(jobs: readonly NewJob[], handOff: HandOff): Promise<InsertJobsResult> {
    const result = await this.inserts.run(() =>
      this.connection.run((session) => this.enqueue.insertHandingOff(session, jobs, handOff)),
    );
    const runs = new Set(result.handedOff.map(({ id }) => id));
    this.tellInsert(
      jobs.filter(({ id }) => !runs.has(id)),
      result,
    );
    return result;
  }

  private async insertPlain(jobs: readonly NewJob[]): Promise<InsertJobsResult> {
    const insert = (texts?: readonly string[]): Promise<InsertJobsResult> =>
      this.inserts.run(() => this.connection.run((session) => this.enqueue.insertPlain(session, jobs, texts)));
    // How long it is until a given time is known only when the store has said what time it is.
    if (jobs.some(({ runAt }) => runAt !== null)) {
      const result = await insert();
      this.tellInsert(jobs, result);
      return result;
    }
    const result = await this.wakes.tellWith(wakesOfInsert(jobs, NOT_INSERTED_YET), insert);
    this.claims.inserted(jobs);
    return result;
  }

  /** How a thread renews a lease; not under a test clock. */
  async pulse(id: WorkerId, leaseMs: number): Promise<PulseSource | undefined> {
    if (this.options.clock?.overridesStore) return undefined;
    const { logger = consoleLogger } = this.options;
    return pgPulse(this.tables, await this.connection.address(), { id, leaseMs }, logger);
  }

  /** Runs single statements on the engine's pool. */
  run<T>(work: (session: PgSession) => Promise<T>): Promise<T> {
    return this.connection.run(work);
  }

  get(id: JobId, scope?: Scope): Promise<JobRecord | null> {
    return this.run((session) => this.reads.get(session, id, scope));
  }

  /** Tells everybody that these queues have jobs that are due. */
  tellReady(queues: readonly string[], inMs = 0): void {
    if (queues.length === 0) return;
    this.claims.returned();
    this.wakes.tell({ kind: 'ready', queues, ...(inMs > 0 ? { inMs } : {}) });
  }

  async close(): Promise<void> {
    await this.wakes.close();
    await this.transactions.close();
    await this.connection.close();
  }

  private tellInsert(jobs: readonly NewJob[], result: InsertJobsResult): void {
    this.claims.inserted(jobs);
    for (const wake of wakesOfInsert(jobs, result)) this.wakes.tell(wake);
  }
}
