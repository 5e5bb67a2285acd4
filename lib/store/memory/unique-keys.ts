import type { JobFacts } from '../../job/job-record.js';
import type { MemoryJob } from './memory-job.js';

/** What a unique key is unique in, and the key. */
export type KeyOwner = Pick<JobFacts, 'scopeAppId' | 'scopeOrgId' | 'name' | 'uniqueKey'>;

/** A unique key with all it depends on, as one text. */
export function keyText({ scopeAppId, scopeOrgId, name, uniqueKey }: KeyOwner): string {
  return JSON.stringify([scopeAppId, scopeOrgId, name, uniqueKey]);
}

/** Which job holds which unique key. */
export class UniqueKeys {
  private readonly holders = new Map<string, MemoryJob>();

  /** The job that holds the key of `owner`; none when its window has passed. */
  holder(owner: KeyOwner, now: number): MemoryJob | undefined {
    const holder = this.holders.get(keyText(owner));
    return holder && (holder.uniqueUntil === null || holder.uniqueUntil > now) ? holder : undefined;
  }

  /** Gives the job its key; whoever held it goes on without. */
  take(job: MemoryJob): void {
    if (job.uniqueKey === null) return;
    const key = keyText(job);
    const holder = this.holders.get(key);
    if (holder && holder !== job) holder.uniqueKey = holder.uniqueUntil = null;
    this.holders.set(key, job);
  }

  /** Gives the key of the job back, if it is the one that holds it. */
  free(job: MemoryJob): void {
    if (job.uniqueKey === null) return;
    const key = keyText(job);
    if (this.holders.get(key) === job) this.holders.delete(key);
  }
}
