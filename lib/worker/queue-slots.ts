import type { QueueClaim } from '../job/job-store.js';

/** Which queues a worker works on, and how many of its slots each may take. */
export class QueueSlots {
  private readonly used = new Map<string, number>();

  constructor(private readonly queues: readonly { readonly name: string; readonly concurrency: number }[]) {}

  get names(): readonly string[] {
    return this.queues.map(({ name }) => name);
  }

  take(queue: string): void {
    this.used.set(queue, (this.used.get(queue) ?? 0) + 1);
  }

  /** Takes a slot of the queue if this worker works on it and has one left. */
  takeIfFree(queue: string): boolean {
    const known = this.queues.find(({ name }) => name === queue);
    if (!known || (this.used.get(queue) ?? 0) >= known.concurrency) return false;
    this.take(queue);
    return true;
  }

  give(queue: string): void {
    this.used.set(queue, (this.used.get(queue) ?? 1) - 1);
  }

  /** What may be claimed from each queue when `free` slots are free in all; queues without a free slot are left out. */
  free(free: number): readonly QueueClaim[] {
    const claims: QueueClaim[] = [];
    for (const { name, concurrency } of this.queues) {
      const limit = Math.min(free, concurrency - (this.used.get(name) ?? 0));
      if (limit > 0) claims.push({ queue: name, limit });
    }
    return claims;
  }

  /** Whether a wake-up for these queues concerns this worker; an empty list means any queue. */
  concerns(queues: readonly string[]): boolean {
    return queues.length === 0 || this.queues.some(({ name }) => queues.includes(name));
  }
}
