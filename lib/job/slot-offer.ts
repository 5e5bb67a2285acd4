import type { ClaimedJob, NewJob } from './job-record.js';
import type { HandOff } from './job-store.js';

/** Slots of this process's worker that are kept free for jobs about to be inserted. */
export interface SlotOffer extends HandOff {
  /**
   * Ends the offer: what was handed off starts, the other slots are free again. Call it once, however the insert ended.
   *
   * @param inDoubt whether jobs may have been handed off that nobody knows of, as the store's answer was lost
   */
  close(handedOff: readonly ClaimedJob[], inDoubt?: boolean): void;
}

/** Who offers slots: a worker in the same process. */
export interface SlotOffers {
  /** @returns `undefined` when none of these jobs could start at once here */
  offer(jobs: readonly NewJob[]): SlotOffer | undefined;
}
