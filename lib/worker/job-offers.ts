import type { WorkerId } from '../id/ids.js';
import type { JobRegistry } from '../job/job-registry.js';
import type { ClaimedJob, NewJob } from '../job/job-record.js';
import type { SlotOffer, SlotOffers } from '../job/slot-offer.js';
import { runInCleanContext } from '../scope/clean-context.js';
import type { LeasedLoop } from './leased-loop.js';
import type { QueueSlots } from './queue-slots.js';
import type { StrayJobs } from './stray-jobs.js';

/** More jobs than this at once are no matter of latency, and their claim is one for all. */
const MOST = 16;

export interface JobOffersOptions<Item> {
  readonly loop: Pick<LeasedLoop<Item>, 'reserve' | 'fill'>;
  readonly slots: QueueSlots;
  readonly registry: Pick<JobRegistry, 'get' | 'limits'>;
  readonly strays: Pick<StrayJobs, 'doubt'>;
  readonly workerId: () => WorkerId;
  readonly toItem: (job: ClaimedJob, workerId: WorkerId) => Item;
}

/**
 * Hands jobs that this process enqueues to its own idle worker: inserted as running, they start after one commit instead of
 * two and a message in between.
 */
export class JobOffers<Item> implements SlotOffers {
  /** How many offers are open: their jobs may run by the store's account, and the worker does not know of them yet. */
  private open = 0;

  constructor(private readonly options: JobOffersOptions<Item>) {}

  get anyOpen(): boolean {
    return this.open > 0;
  }

  offer(jobs: readonly NewJob[]): SlotOffer | undefined {
    if (jobs.length > MOST) return undefined;
    const { loop, slots } = this.options;
    const taken = jobs.filter((job) => this.isPlain(job) && slots.takeIfFree(job.queue));
    const giveQueues = (): void => taken.forEach(({ queue }) => slots.give(queue));
    if (taken.length === 0 || !loop.reserve(taken.length)) {
      giveQueues();
      return undefined;
    }
    const workerId = this.options.workerId();
    this.open += 1;
    return {
      workerId,
      ids: new Set(taken.map(({ id }) => id)),
      close: (handedOff, inDoubt = false) => {
        if (inDoubt) this.options.strays.doubt();
        const items = handedOff.map((job) => this.options.toItem(job, workerId));
        // After the enqueuer's caller has been answered, and not in its context.
        runInCleanContext(() =>
          setImmediate(() => {
            this.open -= 1;
            giveQueues();
            loop.fill(items, taken.length);
          }),
        );
      },
    };
  }

  private isPlain({ name, runAt, delayMs, uniqueKey, groupKey, cronId }: NewJob): boolean {
    const { registry } = this.options;
    const dueNow = runAt === null && delayMs <= 0;
    const free = uniqueKey === null && groupKey === null && cronId === null;
    return dueNow && free && registry.get(name)?.handler !== undefined && !registry.limits().has(name);
  }
}
