import type { Clock } from '../clock/clock.js';
import { within } from '../clock/within.js';
import type { DlqId, JobId, RunId, WorkerId } from '../id/ids.js';
import { runInCleanContext } from '../scope/clean-context.js';
import type { ErrorRecord } from '../job/job-error.js';
import type { Job } from '../job/job.js';
import type { Scope } from '../scope/scope.js';

/** A job failed an attempt. */
export interface JobFailure {
  readonly job: Job;
  /** As it is stored in the job's history. */
  readonly error: ErrorRecord;
  /** What the handler threw, where it ran in this process. */
  readonly thrown: unknown;
  /** Whether no attempt follows. */
  readonly final: boolean;
}

/** A run of a workflow that something happened to. */
export interface RunNews {
  readonly id: RunId;
  readonly name: string;
  readonly version: number;
  readonly attempt: number;
  readonly scope: Scope | undefined;
}

/** A step that was recorded. */
export interface StepNews {
  /** What the history knows it by. */
  readonly key: string;
  readonly name: string;
  readonly tries: number;
  readonly elapsedMs: number;
}

/**
 * What happens to work on this node, by the names of the seed's hooks. Emitted on the node that wrote the
 * transition, after it was written, at most once; in order per job.
 */
export interface LifecycleEvents {
  /** The job was inserted; with a transaction of the caller's, which has still to commit. */
  readonly jobEnqueued: { readonly job: Job };
  readonly jobStarted: { readonly job: Job };
  readonly jobCompleted: { readonly job: Job; readonly elapsedMs: number };
  /** The attempt failed and another follows. */
  readonly jobRetrying: JobFailure & { readonly nextRunAt: Date };
  /** The attempt failed for good. */
  readonly jobFailed: JobFailure;
  readonly jobDlq: { readonly job: Job; readonly error: ErrorRecord; readonly dlqId: DlqId | undefined };
  readonly jobCancelled: { readonly job: Job };
  /** The job was taken back from a worker that died. */
  readonly jobRescued: { readonly job: Job; readonly workerId: WorkerId };
  /** This node's worker no longer held the job when its attempt ended: the result was dropped. */
  readonly jobLost: { readonly jobId: JobId; readonly name: string; readonly attempt: number };
  /** A run was activated for the first time. */
  readonly workflowStarted: { readonly run: RunNews };
  readonly workflowStepCompleted: { readonly run: RunNews; readonly step: StepNews };
  /** A step failed for good; the method may catch it. */
  readonly workflowStepFailed: { readonly run: RunNews; readonly step: StepNews; readonly error: ErrorRecord };
  readonly workflowCompleted: { readonly run: RunNews };
  readonly workflowFailed: { readonly run: RunNews; readonly error: ErrorRecord };
  /** By its worker; a run that was cancelled while it waited has none. */
  readonly workflowCancelled: { readonly run: RunNews };
  /** This process is stopping. */
  readonly shutdown: { readonly state: 'stopping' };
}

export type LifecycleEventName = keyof LifecycleEvents;
export type LifecycleListener<Name extends LifecycleEventName> = (event: LifecycleEvents[Name]) => unknown;

/**
 * Tells listeners of lifecycle events. Each is called on its own, outside every AsyncLocalStorage context: one that throws,
 * rejects or never returns keeps neither the others nor the job waiting. With no listener for an event, emitting costs one look-up.
 */
export class LifecycleEmitter {
  private readonly listeners = new Map<LifecycleEventName, Set<LifecycleListener<never>>>();
  private readonly pending = new Set<Promise<unknown>>();
  /** Events of jobs whose insert is under way: another connection may hand such a job out before its insert is answered. */
  private readonly early = new Map<JobId, (() => void)[]>();

  /** @param onError hears of listeners that failed */
  constructor(private readonly onError: (event: LifecycleEventName, error: unknown) => void) {}

  /** @returns a function that removes the listener */
  on<Name extends LifecycleEventName>(name: Name, listener: LifecycleListener<Name>): () => void {
    let set = this.listeners.get(name);
    if (!set) this.listeners.set(name, (set = new Set()));
    set.add(listener);
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.listeners.get(name) === set) this.listeners.delete(name);
    };
  }

  /** Whether anybody listens: so that events nobody hears need not be built. */
  has(name: LifecycleEventName): boolean {
    return this.listeners.has(name);
  }

  emit<Name extends LifecycleEventName>(name: Name, event: LifecycleEvents[Name]): void {
    const set = this.listeners.get(name);
    if (!set) return;
    if (this.early.size > 0 && name !== 'jobEnqueued') {
      const held = this.early.get(jobOf(event)!);
      if (held) {
        held.push(() => this.emit(name, event));
        return;
      }
    }
    for (const listener of set) {
      const call = runInCleanContext(() => Promise.resolve(event).then(listener as LifecycleListener<Name>))
        .catch((error: unknown) => this.onError(name, error))
        .finally(() => this.pending.delete(call));
      this.pending.add(call);
    }
  }

  /**
   * Runs an insert of these jobs, which tells of `jobEnqueued`. What else happens to them meanwhile is told afterwards,
   * so that nobody hears of a start before the enqueue. Without a listener for `jobEnqueued` it only runs the insert.
   */
  async enqueuing<T>(ids: () => readonly JobId[], insert: () => Promise<T>): Promise<T> {
    if (!this.has('jobEnqueued')) return insert();
    const held = ids();
    for (const id of held) this.early.set(id, []);
    try {
      return await insert();
    } finally {
      const events = held.flatMap((id) => this.early.get(id) ?? []);
      for (const id of held) this.early.delete(id);
      for (const emit of events) emit();
    }
  }

  /** Resolves when every call that is under way now has ended, or after `ms` milliseconds. */
  async settled(clock: Clock, ms: number): Promise<void> {
    if (this.pending.size > 0) await within(clock, ms, Promise.all(this.pending)).catch(() => undefined);
  }
}

function jobOf(event: LifecycleEvents[LifecycleEventName]): JobId | undefined {
  return 'job' in event ? event.job.id : 'jobId' in event ? event.jobId : undefined;
}
