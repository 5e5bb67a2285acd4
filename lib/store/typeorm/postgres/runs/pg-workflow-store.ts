import type { EventRecord, NewEvent } from '../../../../event/event-record.js';
import type { EventPage, EventStore, ListEventsOptions, PublishEventsOptions } from '../../../../event/event-store.js';
import type { EventId, RunId, WorkerId } from '../../../../id/ids.js';
import type { StoreTransaction } from '../../../../job/job-store.js';
import { type DispatchLogger, errorText } from '../../../../observability/logger.js';
import type { Scope } from '../../../../scope/scope.js';
import type { CheckpointRecord } from '../../../../workflow/checkpoint.js';
import type { CommitRunsResult, RunCommit } from '../../../../workflow/run-commit.js';
import type { HeldRun, NewRun, RunRecord } from '../../../../workflow/run-record.js';
import type { OpenWaits } from '../../../../workflow/wait.js';
import type * as workflow from '../../../../workflow/workflow-store.js';
import { WakeList } from '../../../wake-list.js';
import type { PgConnection } from '../pg-connection.js';
import type { PgSession } from '../pg-session.js';
import type { PgTransactions } from '../pg-transactions.js';
import type { PgWakes } from '../pg-wakes.js';
import type { CancelledRun } from './run-actions.js';
import type { PgRunParts } from './run-parts.js';

/** What runs and events need of a PostgreSQL store. */
export interface PgWorkflowBackend {
  readonly connection: PgConnection;
  readonly transactions: PgTransactions;
  readonly wakes: PgWakes;
  readonly runs: PgRunParts;
  readonly logger: DispatchLogger;
}

/** The runs and events of a PostgreSQL store. */
export class PgWorkflowStore<Backend extends PgWorkflowBackend> implements workflow.WorkflowStore, EventStore {
  constructor(protected readonly backend: Backend) {}

  async insertRuns(
    runs: readonly NewRun[],
    { transaction, retry = false }: workflow.InsertRunsOptions = {},
  ): Promise<workflow.InsertRunsResult> {
    const { connection, transactions, runs: parts } = this.backend;
    const told = ({ existing }: workflow.InsertRunsResult): void => {
      const wakes = new WakeList();
      for (const [index, { name }] of runs.entries()) if (!existing.has(index)) wakes.runs(name, 0);
      this.tell(wakes);
    };
    if (transaction)
      return transactions.join(transaction, (session) => parts.inserts.insert(session, runs, retry), told);
    const insert = (session: PgSession): Promise<workflow.InsertRunsResult> =>
      parts.inserts.insert(session, runs, retry);
    // Without keys it is one statement.
    const several = retry || runs.some(({ idempotencyKey }) => idempotencyKey !== null);
    const result = await (several ? connection.transaction(insert) : connection.run(insert));
    told(result);
    return result;
  }

  claimRuns(request: workflow.ClaimRunsRequest): Promise<workflow.ClaimRunsResult> {
    const { connection, runs } = this.backend;
    return connection.run((session) => runs.claims.claim(session, request));
  }

  listHeldRuns(workerId: WorkerId): Promise<readonly HeldRun[]> {
    const { connection, runs } = this.backend;
    return connection.run((session) => runs.claims.held(session, workerId));
  }

  loadHistory(workerId: WorkerId, held: readonly HeldRun[]): Promise<ReadonlyMap<RunId, workflow.RunHistory>> {
    const { connection, runs } = this.backend;
    return connection.run((session) => runs.history.load(session, workerId, held));
  }

  loadWaits(workerId: WorkerId, held: readonly HeldRun[]): Promise<ReadonlyMap<RunId, OpenWaits>> {
    const { connection, runs } = this.backend;
    return connection.run((session) => runs.history.loadWaits(session, workerId, held));
  }

  async commitRuns(
    workerId: WorkerId,
    commits: readonly RunCommit[],
    { transaction }: { readonly transaction?: StoreTransaction } = {},
  ): Promise<CommitRunsResult> {
    const { transactions, runs } = this.backend;
    if (commits.length === 0) return { lost: [], open: new Map() };
    if (transaction) {
      const { lost, open } = await transactions.join(
        transaction,
        (session) => runs.commits.commitWith(session, workerId, commits),
        ({ wakes }) => this.tell(wakes),
      );
      return { lost, open };
    }
    const { lost, open, wakes } = await runs.commits.commit(workerId, commits);
    this.tell(wakes);
    return { lost, open };
  }

  async rescueRuns({ limit }: { readonly limit: number }): Promise<readonly workflow.RescuedRun[]> {
    return this.acted(this.backend.runs.rescue.rescue(limit));
  }

  cancelRun(id: RunId, options: workflow.CancelRunOptions): Promise<CancelledRun> {
    return this.acted(this.backend.runs.actions.cancel(id, options));
  }

  retryRun(id: RunId, scope?: Scope): Promise<RunRecord> {
    return this.acted(this.backend.runs.actions.retry(id, scope));
  }

  resumeRun(id: RunId, scope?: Scope): Promise<RunRecord> {
    return this.acted(this.backend.runs.actions.resume(id, scope));
  }

  replayRun(id: RunId, key: string, scope?: Scope): Promise<RunRecord> {
    return this.acted(this.backend.runs.actions.replay(id, key, scope));
  }

  migrateRun(id: RunId, version: number, scope?: Scope): Promise<RunRecord> {
    return this.acted(this.backend.runs.actions.migrate(id, version, scope));
  }

  getRun(id: RunId, scope?: Scope): Promise<RunRecord | null> {
    const { connection, runs } = this.backend;
    return connection.run((session) => runs.reads.get(session, id, scope));
  }

  listRuns(options: workflow.ListRunsOptions = {}): Promise<workflow.RunPage> {
    const { connection, runs } = this.backend;
    return connection.run((session) => runs.reads.list(session, options));
  }

  countRuns(options: Omit<workflow.RunFilter, 'states'> = {}): Promise<workflow.RunCounts> {
    const { connection, runs } = this.backend;
    return connection.run((session) => runs.reads.count(session, options));
  }

  listCheckpoints(id: RunId, scope?: Scope): Promise<readonly CheckpointRecord[]> {
    const { connection, runs } = this.backend;
    return connection.run((session) => runs.reads.checkpoints(session, id, scope));
  }

  pruneRuns({ state, olderThanMs, limit }: Parameters<workflow.WorkflowStore['pruneRuns']>[0]): Promise<number> {
    const { connection, runs } = this.backend;
    return connection.run((session) => runs.reads.prune(session, state, olderThanMs, limit));
  }

  async publishEvents(
    events: readonly NewEvent[],
    { transaction, retry = false }: PublishEventsOptions = {},
  ): Promise<{ readonly now: number }> {
    const { connection, transactions, runs, logger } = this.backend;
    const ids = events.map(({ id }) => id);
    if (transaction) {
      const insert = transactions.join(
        transaction,
        (session) => runs.events.insert(session, events, retry),
        () => {
          this.match(ids).catch((error: unknown) =>
            logger.warn(`who waits for an event was not woken at once, but will be soon: ${errorText(error)}`),
          );
        },
      );
      return { now: await insert };
    }
    const now = await connection.run((session) => runs.events.insert(session, events, retry));
    // They are published: what goes wrong from here on costs time only.
    await this.match(ids).catch((error: unknown) =>
      logger.warn(`who waits for an event was not woken at once, but will be soon: ${errorText(error)}`),
    );
    return { now };
  }

  async matchEvents({ limit }: { readonly limit: number }): Promise<number> {
    const { connection, runs } = this.backend;
    const ids = await connection.run((session) => runs.events.unmatched(session, limit));
    if (ids.length > 0) await this.match(ids);
    return ids.length;
  }

  getEvent(id: EventId, scope?: Scope): Promise<EventRecord | null> {
    const { connection, runs } = this.backend;
    return connection.run((session) => runs.events.get(session, id, scope));
  }

  listEvents(options: ListEventsOptions = {}): Promise<EventPage> {
    const { connection, runs } = this.backend;
    return connection.run((session) => runs.events.list(session, options));
  }

  pruneEvents({ limit }: { readonly limit: number }): Promise<number> {
    const { connection, runs } = this.backend;
    return connection.run((session) => runs.events.prune(session, limit));
  }

  private async match(ids: readonly EventId[]): Promise<void> {
    const { connection, runs } = this.backend;
    const wakes = new WakeList();
    await connection.run((session) => runs.events.match(session, ids, wakes));
    this.tell(wakes);
  }

  private async acted<T>(action: Promise<{ readonly result: T; readonly wakes: WakeList }>): Promise<T> {
    const { result, wakes } = await action;
    this.tell(wakes);
    return result;
  }

  private tell(wakes: WakeList): void {
    for (const wake of wakes.wakes) this.backend.wakes.tell(wake);
  }
}
