import type { CodecRegistry } from '../codec/payload-codec.js';
import type { LifecycleEmitter } from '../ext/lifecycle.js';
import { isTerminal } from '../job/job-state.js';
import type { JobState } from '../job/job-state.js';
import { type Job, toJob } from '../job/job.js';
import type { JobErrorRecord } from '../job/job-error.js';
import type { RescuedJob } from '../job/job-store.js';
import type { Settlement } from '../job/outcome.js';
import type { RunningJob } from './running-job.js';

/**
 * Turns what the worker wrote into lifecycle events. Builds an event only when somebody listens for it, since most
 * processes listen for few.
 */
export class JobEvents {
  /** By an attempt whose end is not told yet, the next attempt of its job, whose start is told after that. */
  private readonly next = new WeakMap<RunningJob, RunningJob>();

  constructor(
    private readonly emitter: LifecycleEmitter,
    private readonly codecs: CodecRegistry,
    private readonly monotonic: () => number,
  ) {}

  /**
   * @param earlier an attempt of this job that ended here, if the store has not answered to its settlement yet: another
   *   connection may hand a job out again before that
   */
  started(job: RunningJob, earlier?: RunningJob): void {
    if (earlier) this.next.set(earlier, job);
    else if (this.emitter.has('jobStarted')) this.emitter.emit('jobStarted', { job: this.snapshot(job, 'running') });
  }

  settled(job: RunningJob, settlement: Settlement, thrown: unknown): void {
    this.ended(job, settlement, thrown);
    this.goOn(job);
  }

  cancelled(job: RunningJob): void {
    this.emitCancelled(job);
    this.goOn(job);
  }

  lost(job: RunningJob): void {
    this.emitter.emit('jobLost', { jobId: job.id, name: job.name, attempt: job.attempt });
    this.goOn(job);
  }

  private goOn(job: RunningJob): void {
    const next = this.next.get(job);
    if (next) this.started(next);
  }

  private ended(job: RunningJob, { outcome }: Settlement, thrown: unknown): void {
    const { emitter } = this;
    switch (outcome.kind) {
      case 'completed':
        if (!emitter.has('jobCompleted')) return;
        emitter.emit('jobCompleted', {
          job: this.snapshot(job, 'completed', { result: outcome.result }),
          elapsedMs: this.elapsed(job),
        });
        return;
      case 'retry': {
        if (!emitter.has('jobRetrying')) return;
        const nextRunAt = this.now(job) + outcome.delayMs;
        const failed = this.snapshot(job, 'retrying', { error: this.stamp(job, outcome.error), runAt: nextRunAt });
        emitter.emit('jobRetrying', {
          job: failed,
          error: outcome.error,
          thrown,
          final: false,
          nextRunAt: new Date(nextRunAt),
        });
        return;
      }
      case 'failed': {
        if (!emitter.has('jobFailed') && !emitter.has('jobDlq')) return;
        const failed = this.snapshot(job, 'failed', { error: this.stamp(job, outcome.error) });
        emitter.emit('jobFailed', { job: failed, error: outcome.error, thrown, final: true });
        emitter.emit('jobDlq', { job: failed, error: outcome.error, dlqId: outcome.dlqId });
        return;
      }
      case 'cancelled':
        this.emitCancelled(job);
        return;
      case 'snoozed':
      case 'released':
        return;
    }
  }

  private emitCancelled(job: RunningJob): void {
    if (this.emitter.has('jobCancelled')) this.emitter.emit('jobCancelled', { job: this.snapshot(job, 'cancelled') });
  }

  rescued({ job: record, workerId }: RescuedJob): void {
    const { emitter } = this;
    const job = toJob(record, this.codecs);
    emitter.emit('jobRescued', { job, workerId });
    const error = record.errors.at(-1);
    if (record.state === 'cancelled') emitter.emit('jobCancelled', { job });
    if (!error) return;
    if (record.state === 'retrying') {
      emitter.emit('jobRetrying', { job, error, thrown: undefined, final: false, nextRunAt: job.runAt });
    } else if (record.state === 'failed') {
      emitter.emit('jobFailed', { job, error, thrown: undefined, final: true });
      emitter.emit('jobDlq', { job, error, dlqId: undefined });
    }
  }

  private stamp(job: RunningJob, error: Omit<JobErrorRecord, 'attempt' | 'at'>): JobErrorRecord {
    return { ...error, attempt: job.attempt, at: this.now(job) };
  }

  private elapsed(job: RunningJob): number {
    return Math.max(0, Math.round(this.monotonic() - job.begunAt));
  }

  /** The store's time, about: from when it handed the job out. The clock of this process may be off. */
  private now(job: RunningJob): number {
    return job.claimed.startedAt + this.elapsed(job);
  }

  private snapshot(
    job: RunningJob,
    state: JobState,
    change: { readonly result?: string | null; readonly error?: JobErrorRecord; readonly runAt?: number } = {},
  ): Job {
    const { claimed, workerId } = job;
    const now = this.now(job);
    return toJob(
      {
        ...claimed,
        state,
        runAt: change.runAt ?? claimed.runAt,
        retryCount: claimed.retryCount + (change.error ? 1 : 0),
        uniqueUntil: null,
        errors: change.error ? [change.error] : [],
        result: change.result ?? null,
        progress: null,
        workerId: state === 'running' ? workerId : null,
        startedAt: claimed.startedAt,
        completedAt: isTerminal(state) ? now : null,
        cancelRequestedAt: null,
        updatedAt: now,
      },
      this.codecs,
    );
  }
}
