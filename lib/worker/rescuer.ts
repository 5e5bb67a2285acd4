import { newDlqId } from '../id/ids.js';
import type { JobStore } from '../job/job-store.js';
import type { DispatchLogger } from '../observability/logger.js';
import type { JobEvents } from './job-events.js';

/** Most jobs that one rescue statement frees. */
const BATCH = 100;

/** Takes jobs back from workers that died. Every worker does so; the store sees to it that each job is taken once. */
export class Rescuer {
  constructor(
    private readonly store: Pick<JobStore, 'rescueJobs'>,
    private readonly events: JobEvents,
    private readonly logger: DispatchLogger,
  ) {}

  /** Frees all there is to free. @throws what the store throws; the next run finds the rest */
  async run(): Promise<void> {
    for (let freed = BATCH; freed === BATCH;) {
      const rescued = await this.store.rescueJobs({ limit: BATCH, newDlqId });
      freed = rescued.length;
      for (const each of rescued) {
        const { job, workerId } = each;
        this.logger.warn(
          `job ${job.id} "${job.name}" was taken back from worker ${workerId}, which died: ${job.state}`,
        );
        this.events.rescued(each);
      }
    }
  }
}
