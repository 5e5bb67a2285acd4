import type { ClaimedJob, JobHeaders } from '../job/job-record.js';
import type { JobContext } from '../job/job-context.js';
import type { JobLogLine } from '../job/job-store.js';
import { scopeOf } from '../job/job.js';
import type { JobId, WorkerId } from '../id/ids.js';
import type { Scope } from '../scope/scope.js';

/** Where a running job's progress and log lines go. */
export interface ReportSink {
  progress(job: RunningJob, value: unknown): void;
  log(job: RunningJob, line: JobLogLine): void;
}

const NO_HEADERS: JobHeaders = Object.freeze({});

/**
 * One attempt under way: what the handler sees as its context, and what the worker knows beside it. Costly parts
 * are made when somebody asks for them: most handlers never look at their signal or dates.
 */
export class RunningJob implements JobContext {
  payload: unknown = undefined;
  /** When the attempt times out, by the process's monotonic clock; Infinity for never. */
  readonly deadline: number;
  /** Set when the attempt has an outcome: whatever the handler does afterwards is dropped. */
  settled = false;
  /** Why the handler was asked to stop, if it was. */
  abortReason: Error | undefined = undefined;
  /** What the handler threw, kept for those who are told of the failure. */
  thrown: unknown = undefined;
  private controller: AbortController | undefined = undefined;

  constructor(
    readonly claimed: ClaimedJob,
    /** The worker id it was claimed under: part of its fence. */
    readonly workerId: WorkerId,
    /** Whether its worker died while it ran before. */
    readonly suspect: boolean,
    /** When the attempt began here, by the process's monotonic clock. */
    readonly begunAt: number,
    private readonly sink: ReportSink,
  ) {
    this.deadline = claimed.timeoutMs > 0 ? begunAt + claimed.timeoutMs : Number.POSITIVE_INFINITY;
  }

  get id(): JobId {
    return this.claimed.id;
  }
  get name(): string {
    return this.claimed.name;
  }
  get queue(): string {
    return this.claimed.queue;
  }
  get priority(): number {
    return this.claimed.priority;
  }
  get attempt(): number {
    return this.claimed.attempt;
  }
  get retryCount(): number {
    return this.claimed.retryCount;
  }
  get maxRetries(): number {
    return this.claimed.maxRetries;
  }
  get isFinalAttempt(): boolean {
    return this.claimed.retryCount >= this.claimed.maxRetries;
  }
  get timeoutMs(): number {
    return this.claimed.timeoutMs;
  }
  get headers(): JobHeaders {
    return this.claimed.headers ?? NO_HEADERS;
  }
  get scope(): Scope | undefined {
    return scopeOf(this.claimed);
  }
  get groupKey(): string | undefined {
    return this.claimed.groupKey ?? undefined;
  }
  get createdAt(): Date {
    return new Date(this.claimed.createdAt);
  }
  get runAt(): Date {
    return new Date(this.claimed.runAt);
  }
  get startedAt(): Date {
    return new Date(this.claimed.startedAt);
  }
  get idempotencyKey(): string {
    return this.claimed.id;
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.abortReason) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
  }

  progress(value: unknown): void {
    if (!this.settled) this.sink.progress(this, value);
  }

  log(message: string, level: JobLogLine['level'] = 'info'): void {
    if (!this.settled) this.sink.log(this, { level, message: String(message) });
  }

  /** Asks the handler to stop; only the first reason counts. */
  abort(reason: Error): void {
    if (this.abortReason) return;
    this.abortReason = reason;
    this.controller?.abort(reason);
  }
}
