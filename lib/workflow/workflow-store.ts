import type { RunId, WorkerId } from '../id/ids.js';
import type { StoreTransaction } from '../job/job-store.js';
import type { Scope } from '../scope/scope.js';
import type { CheckpointRecord } from './checkpoint.js';
import type { CommitRunsResult, RunCommit } from './run-commit.js';
import type { CancelMode, ClaimedRun, HeldRun, NewRun, RunRecord } from './run-record.js';
import type { RunEnd, RunState } from './run-state.js';
import type { OpenWaits } from './wait.js';

export interface InsertRunsOptions {
  /** Commit or roll back with this transaction of the caller's. */
  readonly transaction?: StoreTransaction;
  /** The same ids may have been inserted by an earlier call whose answer was lost: rows that are there count. */
  readonly retry?: boolean;
}

export interface InsertRunsResult {
  /** The store's clock at the insert. */
  readonly now: number;
  /** By index into the runs given: the run that has the idempotency key already, in place of which none was inserted. */
  readonly existing: ReadonlyMap<number, RunRecord>;
}

export interface ClaimRunsRequest {
  readonly workerId: WorkerId;
  /** The workflows that this process has; runs of other names and versions are left for others. */
  readonly workflows: readonly { readonly name: string; readonly version: number }[];
  readonly limit: number;
  /** How many of them may be suspects: runs whose worker died while it held them, with nothing recorded since. */
  readonly suspectLimit: number;
}

export interface ClaimRunsResult {
  readonly runs: readonly ClaimedRun[];
  /** Ids among `runs` that are suspects. */
  readonly suspects: ReadonlySet<RunId>;
  /** Milliseconds until the next run of these workflows is due, 0 when one is due already, `null` when none waits for a time. */
  readonly nextDueInMs: number | null;
  /** False when this worker was declared dead: it got no runs, and must register under a new id. */
  readonly workerAlive: boolean;
}

/** All that a replay needs: the checkpoints of the run's generation by `seq`, and what it waits for. */
export interface RunHistory extends OpenWaits {
  readonly checkpoints: readonly CheckpointRecord[];
}

/** A run that lost its worker and was freed. */
export interface RescuedRun {
  /** The run after the rescue. */
  readonly run: RunRecord;
  /** The worker that held it. */
  readonly workerId: WorkerId;
}

export interface CancelRunOptions {
  /** `compensate`: a run with steps to undo becomes `compensating` first. */
  readonly mode: CancelMode;
  readonly scope?: Scope;
}

/** Filters of a list; all given ones must match. */
export interface RunFilter {
  readonly states?: readonly RunState[];
  readonly name?: string;
  readonly parentRunId?: RunId;
  /** Created at or after, epoch milliseconds. */
  readonly since?: number;
  /** Created before, epoch milliseconds. */
  readonly until?: number;
  readonly scope?: Scope;
}

/** The seed's `workflow.ListOpts`. */
export interface ListRunsOptions extends RunFilter {
  /** Most rows; default 50, at most 1000. */
  readonly limit?: number;
  /** `desc`: newest first (default). */
  readonly order?: 'asc' | 'desc';
  /** Where the last page ended, as the list returned it. */
  readonly cursor?: string;
}

export interface RunPage {
  readonly runs: readonly RunRecord[];
  /** Left out on the last page. */
  readonly nextCursor?: string;
}

export type RunCounts = Readonly<Record<RunState, number>>;

/**
 * The runs of a store (the seed's `workflow.Store`): transitions, never rows handed out to be changed and written back.
 * Every method is one transaction unless it says otherwise. Every write about a run that is held is fenced by
 * `(workerId, attempt)` inside the transaction that writes. `scope`, where given, must match exactly: a run of another
 * scope is treated as if it did not exist.
 */
export interface WorkflowStore {
  /**
   * Inserts runs, all or none, due at once. Idempotency keys are judged by a unique index on (scope, name, key), never by
   * reading first: of two inserts at the same time one wins and the other sees the winner, also when it has ended.
   */
  insertRuns(runs: readonly NewRun[], options?: InsertRunsOptions): Promise<InsertRunsResult>;

  /**
   * Leases due runs to a worker, those that have been due longest first: `running` (or still `compensating`), attempt plus
   * one. Two claims at the same time never get the same run. The first claim fixes the deadline. A worker whose row is
   * missing or dead gets nothing and is told so; one that is draining, or whose lease is over, gets nothing either.
   */
  claimRuns(request: ClaimRunsRequest): Promise<ClaimRunsResult>;

  /** What this worker holds by the store's account: more than it knows of, when the answer to a claim was lost. */
  listHeldRuns(workerId: WorkerId): Promise<readonly HeldRun[]>;

  /**
   * The histories of held runs, in one read: nobody but the holder writes them. Runs that the worker does not hold (any
   * more) are left out.
   */
  loadHistory(workerId: WorkerId, runs: readonly HeldRun[]): Promise<ReadonlyMap<RunId, RunHistory>>;

  /** What has come of the waits of held runs; like {@link loadHistory}, without the checkpoints. */
  loadWaits(workerId: WorkerId, runs: readonly HeldRun[]): Promise<ReadonlyMap<RunId, OpenWaits>>;

  /**
   * Writes what activations have to write (group commit): one transaction for all of them, in which each is written if
   * this worker and attempt still hold its run, or dropped. A checkpoint ends the waits of its key. A run that ends wakes
   * its parent, if that is parked, in the same transaction; locks are taken in the order of ids, parents among them, so
   * that a parent that parks at this moment either is woken or sees that its child has ended.
   *
   * A run that parks is looked after once more when the transaction has committed: if one of its waits is met by then, it is
   * due at once. So is a run with a cancel request that is parked, retried or released.
   *
   * @param options.transaction writes with this transaction of the caller's; only without `look` and `parked`
   */
  commitRuns(
    workerId: WorkerId,
    commits: readonly RunCommit[],
    options?: { readonly transaction?: StoreTransaction },
  ): Promise<CommitRunsResult>;

  /**
   * Declares workers dead whose lease has expired and frees runs whose worker is dead or missing: due at once as a suspect,
   * retry count plus one; beyond `maxRetries` it fails, or turns to compensating when there is something to undo. A run
   * that is being committed at this moment is either committed or rescued.
   */
  rescueRuns(options: { readonly limit: number }): Promise<readonly RescuedRun[]>;

  /**
   * Cancels a run that no worker holds, or asks the worker that holds it. With `compensate`, a run that has steps to undo
   * becomes `compensating` and due. The same happens to its children, and theirs, whose policy is `cancel`; all in one
   * transaction. The parent of a run that ends is woken.
   *
   * @returns what became of the run itself
   * @throws RunNotFoundError
   * @throws InvalidStateError when it has ended
   */
  cancelRun(
    id: RunId,
    options: CancelRunOptions,
  ): Promise<{ readonly kind: 'cancelled' | 'compensating' | 'requested'; readonly run: RunRecord }>;

  /**
   * Lets a failed or cancelled run go on: a new generation with the checkpoints that completed and were not undone. One
   * whose undoing failed goes on undoing.
   *
   * @throws RunNotFoundError, InvalidStateError
   */
  retryRun(id: RunId, scope?: Scope): Promise<RunRecord>;

  /** Makes a run that waits, or is stuck, due now and forgets its error. @throws RunNotFoundError, InvalidStateError */
  resumeRun(id: RunId, scope?: Scope): Promise<RunRecord>;

  /**
   * Lets a run that no worker holds go on from a step: a new generation with the checkpoints before that one. None is deleted.
   *
   * @param key of a checkpoint of the run's generation
   * @throws RunNotFoundError
   * @throws InvalidStateError when a worker holds it, or there is no such checkpoint
   */
  replayRun(id: RunId, key: string, scope?: Scope): Promise<RunRecord>;

  /** Moves a run that no worker holds to another version of its workflow. @throws RunNotFoundError, InvalidStateError */
  migrateRun(id: RunId, version: number, scope?: Scope): Promise<RunRecord>;

  getRun(id: RunId, scope?: Scope): Promise<RunRecord | null>;

  /** By (created time, id), pages without gaps or repeats. @throws InvalidOptionsError for a cursor that is not one of ours */
  listRuns(options?: ListRunsOptions): Promise<RunPage>;

  /** Counts by state, in the store. */
  countRuns(options?: Omit<RunFilter, 'states'>): Promise<RunCounts>;

  /** The checkpoints of every generation of a run, by generation and `seq`. */
  listCheckpoints(id: RunId, scope?: Scope): Promise<readonly CheckpointRecord[]>;

  /** Deletes runs that ended long ago, with all that belongs to them, oldest first. @returns how many were deleted */
  pruneRuns(options: { readonly state: RunEnd; readonly olderThanMs: number; readonly limit: number }): Promise<number>;
}
