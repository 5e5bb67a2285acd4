import type { JobId, WorkerId } from '../id/ids.js';
import type { Wake } from './store.js';

/** Collects what one call makes known: one wake-up for due jobs, one for the earliest of the others, and cancels. */
export class WakeList {
  private readonly due = new Set<string>();
  private readonly deferred = new Set<string>();
  private inMs = Number.POSITIVE_INFINITY;
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

  /** What was collected. */
  get wakes(): readonly Wake[] {
    const { due, deferred, inMs } = this;
    return [
      ...(due.size > 0 ? [{ kind: 'ready' as const, queues: [...due] }] : []),
      ...(deferred.size > 0 ? [{ kind: 'ready' as const, queues: [...deferred], inMs }] : []),
      ...this.cancels,
    ];
  }
}
