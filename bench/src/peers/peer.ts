/** What a job of the benchmark is about. Handlers do nothing but look at it. */
export interface Payload {
  /** Its number, from 0: so that what was done can be told from what was not. */
  readonly n: number;
  /** Its handler throws. */
  readonly fail?: boolean;
  /** When it was enqueued: nanoseconds of the machine's monotonic clock, as text. */
  readonly at?: string;
}

/** What the errors of jobs that should fail say. */
export const MEANT_TO_FAIL = 'This job is meant to fail.';

/** A job to enqueue. */
export interface NewJob {
  readonly payload: Payload;
  /** Not due before an hour has passed, and of a higher priority than the others. */
  readonly deferred?: boolean;
  /** Failing ends it: no retries. */
  readonly once?: boolean;
}

/** What a worker is tuned for. */
export type WorkFor =
  /** As many jobs as possible. */
  | 'throughput'
  /** As many as possible, each with a result that is stored, some failing. */
  | 'results'
  /** One job, as soon as possible. */
  | 'latency';

/** Runs one job. What it returns is the job's result, where there is one; what it throws is the job's failure. */
export type Handle = (payload: Payload) => unknown;

/** How a peer was set up, as printed. */
export type Config = Readonly<Record<string, string | number | boolean>>;

/** Servers and folders that a peer may use. */
export interface Place {
  readonly postgresUrl?: string;
  readonly redisUrl?: string;
  /** An empty folder of its own, for stores that are files. */
  readonly folder: string;
}

/** One job queue in one process, driven the way its documentation advises. */
export interface Peer {
  /** Makes its tables or queues. Called once, by the process that enqueues. */
  prepare(): Promise<void>;
  /** Enqueues one job: stored when the promise resolves. */
  enqueue(job: NewJob): Promise<void>;
  /** Enqueues many with the peer's call for that. */
  enqueueMany(jobs: readonly NewJob[]): Promise<void>;
  /** Begins to work on jobs. */
  work(purpose: WorkFor, handle: Handle): Promise<void>;
  /** Ends working, what is under way included. */
  stopWork(): Promise<void>;
  /** How many jobs are not settled: waiting and due, or being worked on. Cheap enough to be asked all the time. */
  open(): Promise<number>;
  /** How many jobs the store says it has completed and failed; null where it does not keep them. */
  ended(): Promise<{ readonly completed: number | null; readonly failed: number | null }>;
  close(): Promise<void>;
}

/** How much a peer takes in one call, and with which settings it runs. */
export interface PeerFactory {
  /** Most jobs in one `enqueueMany`. */
  readonly bulk: number;
  config(purpose: WorkFor, overrides: Config): Config;
  create(place: Place, config: Config): Promise<Peer>;
}
