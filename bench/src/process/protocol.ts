import type { Config, Place, WorkFor } from '../peers/peer.ts';
import type { PeerName } from '../peers/names.ts';

/** Which jobs to enqueue: `count` of them, numbered from `from`. */
export interface JobRange {
  readonly from: number;
  readonly count: number;
  /** Not due before an hour has passed, of a higher priority. */
  readonly deferred?: boolean;
  /** Every how many-th job fails, for good: 1 is all of them. */
  readonly failEvery?: number;
}

/** What a process of the benchmark can be asked to do. Times are nanoseconds of the machine's monotonic clock, as text. */
export interface AgentCalls {
  /** Says which peer this process is about. First of all. */
  open(spec: {
    readonly peer: PeerName;
    readonly place: Place;
    readonly purpose: WorkFor;
    readonly overrides: Config;
  }): { readonly config: Config };
  prepare(): void;
  /** Enqueues with the peer's call for one job, `inFlight` calls at a time. @returns seconds taken */
  enqueueEach(range: JobRange & { readonly inFlight: number }): number;
  /** Enqueues with the peer's call for many. @returns seconds taken */
  enqueueBulk(range: JobRange): number;
  /** Enqueues for so many seconds. Waits while more than `limit` jobs have not been handled. @returns how many */
  produce(plan: {
    readonly seconds: number;
    readonly mode: 'each' | 'bulk';
    readonly inFlight: number;
    readonly chunk: number;
    readonly limit: number;
    /** Most jobs a second; left out: as many as possible. */
    readonly rate?: number;
  }): number;
  /** Enqueues jobs that carry the time, one at a time, `gapMs` apart on average. */
  probe(plan: { readonly from?: number; readonly samples: number; readonly gapMs: number }): void;
  /** Begins to work on jobs numbered below `total`. */
  work(plan: { readonly total: number }): void;
  stopWork(): void;
  /** Jobs not settled, and when the question was asked. */
  openJobs(): { readonly open: number; readonly askedAt: string };
  ended(): { readonly completed: number | null; readonly failed: number | null };
  /** How often each job number was handled here, as base64 of bytes. */
  seen(): string;
  /** Milliseconds from enqueuing to the handler of each probe. */
  latencies(): number[];
  usage(): { readonly cpuUs: number; readonly peakRssBytes: number };
  close(): void;
}

export type CallName = keyof AgentCalls;
export type Argument<Name extends CallName> = Parameters<AgentCalls[Name]>[0];
export type Answer<Name extends CallName> = ReturnType<AgentCalls[Name]>;

/** From the harness to a process. */
export type Request =
  | { readonly kind: 'call'; readonly id: number; readonly call: CallName; readonly argument: unknown }
  /** How many jobs have been handled by all workers together. */
  | { readonly kind: 'handled'; readonly total: number };

/** From a process to the harness. */
export type Reply =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly message: string }
  | { readonly kind: 'progress'; readonly handled: number; readonly firstAt: string; readonly lastAt: string };
