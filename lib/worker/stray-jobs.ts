import type { Clock } from '../clock/clock.js';
import { StoreUnavailableError } from '../errors.js';
import type { WorkerId } from '../id/ids.js';
import type { HeldJob, JobStore } from '../job/job-store.js';
import type { DispatchLogger } from '../observability/logger.js';

export interface StrayJobsOptions {
  readonly store: Pick<JobStore, 'listHeldJobs' | 'settleJobs'>;
  readonly clock: Clock;
  readonly logger: DispatchLogger;
  /** Longer than the store can take to finish a call whose answer was lost. */
  readonly leaseMs: number;
  /** Whether the worker knows that it holds this attempt. */
  readonly knows: (job: HeldJob) => boolean;
}

/**
 * Jobs that a claim leased to this worker although its answer never arrived: nobody runs them, and as the worker is alive
 * nobody would rescue them. After such a claim the store is asked what the worker holds, and what it does not know of is
 * handed back, which costs no retry.
 */
export class StrayJobs {
  /** When a claim in doubt must have ended, by the monotonic clock. */
  private settledAt: number | undefined;

  constructor(private readonly options: StrayJobsOptions) {}

  /** Whether the store may say that this worker holds more than it knows of. */
  get inDoubt(): boolean {
    return this.settledAt !== undefined;
  }

  /** A call whose answer was lost may have leased jobs to this worker. */
  doubt(): void {
    this.settledAt = this.options.clock.monotonic() + this.options.leaseMs;
  }

  /** Notes whether the answer to a claim was lost. */
  async watch<T>(claim: Promise<T>): Promise<T> {
    try {
      return await claim;
    } catch (error) {
      if (error instanceof StoreUnavailableError) this.doubt();
      throw error;
    }
  }

  /** Hands back what a claim in doubt may have leased. Call it while no claim is on its way. */
  async handBack(workerId: WorkerId): Promise<void> {
    const { store, clock, logger, knows } = this.options;
    if (this.settledAt === undefined || clock.monotonic() < this.settledAt) return;
    const strays = (await store.listHeldJobs(workerId)).filter((job) => !knows(job));
    if (strays.length > 0) {
      logger.warn(`${strays.length} jobs were claimed by a call whose answer was lost; they are handed back`);
      await store.settleJobs(
        workerId,
        strays.map(({ id, attempt }) => ({ id, attempt, outcome: { kind: 'released' } })),
      );
    }
    this.settledAt = undefined;
  }
}
