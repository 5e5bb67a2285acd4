import type { Scope } from '../scope/scope.js';
import type { DlqId, JobId, WorkerId } from '../id/ids.js';
import type { Settlement } from './outcome.js';
import type { ClaimedJob, JobRecord, NewJob } from './job-record.js';
import type { JobState } from './job-state.js';

/**
 * A transaction of the caller's that an insert joins: a TypeORM `EntityManager` for the TypeORM stores.
 * Stores without transactions refuse it.
 */
export type StoreTransaction = object;

/** What a unique key did to one job of an insert. */
export interface JobConflict {
  /**
   * `existing`: the job was not inserted, `job` holds the key. `replaced`: the waiting job `job` (which keeps
   * its id) took over payload and options.
   */
  readonly kind: 'existing' | 'replaced';
  readonly job: JobRecord;
}

export interface InsertJobsResult {
  /** The store's clock at the insert: `createdAt` of every inserted job. */
  readonly now: number;
  /** By index into the jobs given; jobs that were simply inserted are not in it. */
  readonly conflicts: ReadonlyMap<number, JobConflict>;
  /** Jobs that were handed off and run already, in no order. */
  readonly handedOff?: readonly ClaimedJob[];
}

export interface InsertJobsOptions {
  /** Commit or roll back with this transaction of the caller's. */
  readonly transaction?: StoreTransaction;
  /**
   * The same ids may have been inserted by an earlier call whose answer was lost: rows that are there already
   * count as inserted, and are left as they are.
   */
  readonly retry?: boolean;
  /** Jobs that may start at once on a worker that has slots for them. A store need not heed it. */
  readonly handOff?: HandOff;
}

/**
 * Asks to insert jobs as running, as if the worker had claimed them at once: attempt 1, under its lease. That spares the claim. Only
 * plain jobs may be handed off: due at once, without unique key, group key or caller's transaction.
 */
export interface HandOff {
  readonly workerId: WorkerId;
  readonly ids: ReadonlySet<JobId>;
}

/** How many jobs of one queue a claim may take. */
export interface QueueClaim {
  readonly queue: string;
  readonly limit: number;
}

/** How many jobs of one name a claim may take. */
export interface NameClaim {
  readonly name: string;
  readonly limit: number;
}

export interface ClaimRequest {
  readonly workerId: WorkerId;
  /** In strict order: a later queue is looked at only for what the earlier ones left of `limit`. */
  readonly queues: readonly QueueClaim[];
  /** The handlers that this process has; jobs of other names are left for others. */
  readonly names: readonly string[];
  /** Of `names`, those of which only so many may be claimed, from all queues together. Each name once. */
  readonly nameLimits?: readonly NameClaim[];
  /** Most jobs to claim in all. */
  readonly limit: number;
  /**
   * How many of them may be suspects: jobs whose worker died while it ran them. A worker runs one of them at a
   * time, so that a job that kills its process takes no neighbour with it twice.
   */
  readonly suspectLimit: number;
}

export interface ClaimResult {
  readonly jobs: readonly ClaimedJob[];
  /** Ids among `jobs` that are suspects. */
  readonly suspects: ReadonlySet<JobId>;
  /**
   * Milliseconds until the next waiting job of these queues is due, 0 when one is due already (but was over a
   * limit or held by another claim), `null` when none waits. Jobs of other names do not count.
   */
  readonly nextDueInMs: number | null;
  /** False when this worker was declared dead: it got no jobs, and must register under a new id. */
  readonly workerAlive: boolean;
}

export interface SettleResult {
  /** Settlements that were dropped: the job is no longer held by this worker and attempt. */
  readonly lost: readonly JobId[];
  /** Jobs settled as retry, snoozed or released that a cancel request turned into cancelled. */
  readonly cancelled: readonly JobId[];
}

/** Progress and log lines of a running job. */
export interface JobReport {
  readonly id: JobId;
  readonly attempt: number;
  /** Encoded as JSON; left out when unchanged. */
  readonly progress?: string;
  readonly logs?: readonly JobLogLine[];
}

export interface JobLogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
}

/** A stored log line. */
export interface JobLogRecord extends JobLogLine {
  readonly attempt: number;
  /** Epoch milliseconds by the store's clock. */
  readonly at: number;
}

/** A job that lost its worker and was freed. */
export interface RescuedJob {
  /** The job after the rescue; its state says what became of it: retrying, failed or cancelled. */
  readonly job: JobRecord;
  /** The worker that held it. */
  readonly workerId: WorkerId;
}

/** A running job and its fence. */
export interface HeldJob {
  readonly id: JobId;
  readonly attempt: number;
}

export interface RescueOptions {
  /** Most jobs to free in one call. */
  readonly limit: number;
  /** Makes the ids of the dead-letter entries, one a call. */
  readonly newDlqId: () => DlqId;
  /**
   * Whether jobs of workers without a row are looked for, too; `true` unless said. A store that would have to walk all that
   * waits may leave them out otherwise. Workers take their row away only when they hold nothing, so there are none as a rule.
   */
  readonly missing?: boolean;
}

/** Filters of a list; all given ones must match. */
export interface JobFilter {
  readonly states?: readonly JobState[];
  readonly queue?: string;
  readonly name?: string;
  /** Created at or after, epoch milliseconds. */
  readonly since?: number;
  /** Created before, epoch milliseconds. */
  readonly until?: number;
  /** Only jobs of exactly this scope; left out: of every scope. */
  readonly scope?: Scope;
}

/** The seed's `ListOpts`. */
export interface ListJobsOptions extends JobFilter {
  /** Most rows; default 50, at most 1000. */
  readonly limit?: number;
  /** `desc`: newest first (default). */
  readonly order?: 'asc' | 'desc';
  /** Where the last page ended, as the list returned it. */
  readonly cursor?: string;
  readonly offset?: number;
}

/** The seed's `CountOpts`. */
export type CountJobsOptions = Omit<JobFilter, 'states'>;

export type JobCounts = Readonly<Record<JobState, number>>;

export interface JobPage {
  readonly jobs: readonly JobRecord[];
  /** Left out on the last page. */
  readonly nextCursor?: string;
}

export interface PruneJobsOptions {
  readonly state: 'completed' | 'failed' | 'cancelled';
  /** Ended longer ago than this. */
  readonly olderThanMs: number;
  /** Most rows in one call. */
  readonly limit: number;
}

/**
 * The jobs of a store (the seed's `job.Store`): transitions, never rows handed out to be changed and written
 * back. Every method is one transaction. Every write about a running job is fenced by
 * `(workerId, attempt)` inside the statement that writes. `scope`, where given, must match exactly: a job of
 * another scope is treated as if it did not exist.
 */
export interface JobStore {
  /**
   * Inserts jobs, all or none.
   *
   * Unique keys are judged by a unique index on (scope, name, key), never by reading first: of two inserts at
   * the same time one wins and the other sees the winner. A key whose window has passed is taken over in the
   * same statement. Within one call the first job of a key wins, and the later ones conflict with it.
   * `replace` changes a waiting job in place; a running one gives up its key, and the new job is inserted.
   *
   * A job to hand off is inserted as running only if its worker is active under its lease, and no job that waits in its queue
   * comes before it in the order of the claim; else it waits as any other.
   *
   * @throws JobAlreadyExistsError when a job with `onConflict: 'error'` meets its key; nothing is inserted
   */
  insertJobs(jobs: readonly NewJob[], options?: InsertJobsOptions): Promise<InsertJobsResult>;

  /**
   * Leases due jobs to a worker: `running`, attempt plus one, in the order queue, priority, due time, id.
   * Two claims at the same time never get the same job. A worker whose row is missing or dead gets nothing and is told
   * so; one that is draining, or whose lease is over, gets nothing either, but is alive.
   */
  claimJobs(request: ClaimRequest): Promise<ClaimResult>;

  /**
   * Writes how attempts ended, in one transaction, each only if this worker and attempt still hold the job.
   * `failed` writes the dead-letter entry with it; every end frees the unique key. A job with a cancel request
   * that is not completed or failed becomes cancelled.
   */
  settleJobs(workerId: WorkerId, settlements: readonly Settlement[]): Promise<SettleResult>;

  /**
   * Stores progress and log lines of running jobs, each only under its fence; lost ones are dropped silently.
   */
  reportJobs(workerId: WorkerId, reports: readonly JobReport[]): Promise<void>;

  /**
   * What this worker holds by the store's account. More than it knows of, when the answer to a claim was lost.
   */
  listHeldJobs(workerId: WorkerId): Promise<readonly HeldJob[]>;

  /**
   * Declares workers dead whose lease has expired and frees jobs whose worker is dead or missing: retry count
   * plus one with a `WorkerLostError` in the history, `retrying` and due at once as a suspect while retries are
   * left, else failed with a dead-letter entry; cancelled when that was requested. Safe to run on every node at
   * the same time: a job is rescued once, and one that is being settled at this moment is either settled or
   * rescued. A worker row that is declared dead never comes alive again.
   *
   * @returns the freed jobs; as many as `limit` means that there may be more
   */
  rescueJobs(options: RescueOptions): Promise<readonly RescuedJob[]>;

  /**
   * Cancels a waiting job at once, or asks the worker of a running one, which learns it by a wake-up or with
   * its next heartbeat.
   *
   * @returns `cancelled` with the job after it, or `requested`
   * @throws JobNotFoundError, JobAlreadyCompleteError
   */
  cancelJob(id: JobId, scope?: Scope): Promise<{ readonly kind: 'cancelled' | 'requested'; readonly job: JobRecord }>;

  /**
   * Makes a failed or cancelled job pending again, due at once, with its retry count at zero, its attempt kept
   * and its dead-letter entry closed (`replayedAt` set, `replayJobId` its own id). Takes its unique key back when that is free.
   *
   * @throws JobNotFoundError, InvalidStateError
   */
  retryJob(id: JobId, scope?: Scope): Promise<JobRecord>;

  /**
   * Deletes a job that is not running, with its logs and its dead-letter entry.
   *
   * @throws JobNotFoundError, InvalidStateError when it is running
   */
  discardJob(id: JobId, scope?: Scope): Promise<void>;

  getJob(id: JobId, scope?: Scope): Promise<JobRecord | null>;

  /**
   * Lists by (created time, id), pages without gaps or repeats while jobs come and go. Rows inserted in one call share their time.
   *
   * @throws InvalidOptionsError for a cursor that is not one of ours
   */
  listJobs(options?: ListJobsOptions): Promise<JobPage>;

  /** Counts by state, in the store. */
  countJobs(options?: CountJobsOptions): Promise<JobCounts>;

  /** The log lines of a job, oldest first, at most `limit` (default 1000). */
  listJobLogs(
    id: JobId,
    options?: { readonly limit?: number; readonly scope?: Scope },
  ): Promise<readonly JobLogRecord[]>;

  /** Deletes jobs that ended long ago, oldest first. @returns how many were deleted */
  pruneJobs(options: PruneJobsOptions): Promise<number>;
}
