import type { Clock } from '../clock/clock.js';
import { newDlqId } from '../id/ids.js';
import type { JobStore } from '../job/job-store.js';
import type { DispatchLogger } from '../observability/logger.js';
import type { JobEvents } from './job-events.js';

/** Most jobs that one rescue statement frees. */
const BATCH = 100;
/** How often each worker looks for jobs of workers whose row is gone. Nothing takes away the row of one that holds jobs. */
const MISSING_EVERY_MS = 600_000;

export interface RescuerOptions {
  readonly store: Pick<JobStore, 'rescueJobs'>;
  readonly clock: Clock;
  readonly events: JobEvents;
  readonly logger: DispatchLogger;
}

/** Takes jobs back from workers that died. Every worker does so; the store sees to it that each job is taken once. */
export class Rescuer {
  private lookForMissingAt: number;
  private expected = true;

  constructor(private readonly options: RescuerOptions) {
    const { clock } = options;
    this.lookForMissingAt = clock.monotonic() + clock.random() * MISSING_EVERY_MS;
  }

  /** The store has said that there may be something to free: the next run looks. */
  expect(): void {
    this.expected = true;
  }

  /** Frees all there is to free, if something is expected. @throws what the store throws; the next run finds the rest */
  async run(): Promise<void> {
    const { store, clock, events, logger } = this.options;
    const missing = clock.monotonic() >= this.lookForMissingAt;
    if (!this.expected && !missing) return;
    for (let freed = BATCH; freed === BATCH;) {
      const rescued = await store.rescueJobs({ limit: BATCH, newDlqId, missing });
      freed = rescued.length;
      for (const each of rescued) {
        const { job, workerId } = each;
        logger.warn(`job ${job.id} "${job.name}" was taken back from worker ${workerId}, which died: ${job.state}`);
        events.rescued(each);
      }
    }
    this.expected = false;
    if (missing) this.lookForMissingAt = clock.monotonic() + MISSING_EVERY_MS;
  }
}
