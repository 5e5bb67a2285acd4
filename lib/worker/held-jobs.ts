import type { JobId, WorkerId } from '../id/ids.js';
import { IdTable } from './id-table.js';
import type { RunningJob } from './running-job.js';

/** The jobs this process holds a lease on: from their claim until their outcome is written. */
export class HeldJobs {
  private readonly jobs = new IdTable<RunningJob>();
  private suspectCount = 0;

  /** How many of them are under way and lost their worker before. */
  get suspects(): number {
    return this.suspectCount;
  }

  get count(): number {
    return this.jobs.size;
  }

  add(job: RunningJob): void {
    this.jobs.set(job);
    if (job.suspect) this.suspectCount += 1;
  }

  /** The attempt is over; its outcome is still to be written. */
  ended(job: RunningJob): void {
    if (job.suspect) this.suspectCount -= 1;
  }

  /** Nothing more will be written about this attempt. */
  remove(job: RunningJob): void {
    this.jobs.delete(job);
  }

  get(id: JobId): RunningJob | undefined {
    return this.jobs.get(id);
  }

  /** Whether this very attempt is held. */
  has({ id, attempt }: { readonly id: JobId; readonly attempt: number }): boolean {
    return this.jobs.get(id)?.attempt === attempt;
  }

  all(): readonly RunningJob[] {
    return this.jobs.values();
  }

  /** Those held under this worker id, as a heartbeat reports them. */
  under(workerId: WorkerId): { readonly id: JobId; readonly attempt: number }[] {
    const held: { id: JobId; attempt: number }[] = [];
    for (const job of this.jobs.values()) {
      if (job.workerId === workerId) held.push({ id: job.id, attempt: job.attempt });
    }
    return held;
  }
}
