import type { JobId, RunId, WorkerId } from '../id/ids.js';
import type { Wake } from './store.js';

/** Collects what one call makes known: one wake-up for due work of a kind, one for the earliest of the others, and requests. */
export class WakeList {
  private readonly due = new Set<string>();
  private readonly deferred = new Set<string>();
  private inMs = Number.POSITIVE_INFINITY;
  private readonly dueRuns = new Set<string>();
  private readonly deferredRuns = new Set<string>();
  private runsInMs = Number.POSITIVE_INFINITY;
  private readonly signalled = new Set<RunId>();
  private readonly cancels: Wake[] = [];

  /** A job of the queue waits, and is due in `inMs` milliseconds; 0 or less: at once. */
  ready(queue: string, inMs: number): void {
    if (inMs <= 0) {
      this.due.add(queue);
      return;
    }
    this.deferred.add(queue);
    this.inMs = Math.min(this.inMs, inMs);
  }

  /** Somebody asked to cancel a running job. */
  cancel(jobId: JobId, workerId: WorkerId): void {
    this.cancels.push({ kind: 'cancel', jobId, workerId });
  }

  /** A run of the workflow is due in `inMs` milliseconds; 0 or less: at once. */
  runs(name: string, inMs: number): void {
    if (inMs <= 0) {
      this.dueRuns.add(name);
      return;
    }
    this.deferredRuns.add(name);
    this.runsInMs = Math.min(this.runsInMs, inMs);
  }

  /** Something came that a held run waits for. */
  signal(runId: RunId): void {
    this.signalled.add(runId);
  }

  /** Somebody asked to cancel a held run. */
  cancelRun(runId: RunId, workerId: WorkerId): void {
    this.cancels.push({ kind: 'cancel-run', runId, workerId });
  }

  /** What was collected. */
  get wakes(): readonly Wake[] {
    const { due, deferred, inMs, dueRuns, deferredRuns, runsInMs, signalled } = this;
    return [
      ...(due.size > 0 ? [{ kind: 'ready' as const, queues: [...due] }] : []),
      ...(deferred.size > 0 ? [{ kind: 'ready' as const, queues: [...deferred], inMs }] : []),
      ...(dueRuns.size > 0 ? [{ kind: 'runs' as const, names: [...dueRuns] }] : []),
      ...(deferredRuns.size > 0 ? [{ kind: 'runs' as const, names: [...deferredRuns], inMs: runsInMs }] : []),
      ...(signalled.size > 0 ? [{ kind: 'signal' as const, runIds: [...signalled] }] : []),
      ...this.cancels,
    ];
  }
}
