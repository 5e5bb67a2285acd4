import { StoreUnavailableError } from '../errors.js';
import type { InsertJobsResult, JobConflict, JobStore, StoreTransaction } from './job-store.js';
import type { NewJob } from './job-record.js';
import type { SlotOffer, SlotOffers } from './slot-offer.js';

/** What became of one job of an insert. */
export interface Inserted {
  /** The store's clock at the insert. */
  readonly now: number;
  readonly conflict: JobConflict | undefined;
}

interface Waiting {
  readonly job: NewJob;
  readonly resolve: (inserted: Inserted) => void;
  readonly reject: (error: unknown) => void;
}

/** Most single enqueues that share one commit. */
const MAX_BATCH = 1_000;
/** Commits of single enqueues under way at the same time. */
const MAX_IN_FLIGHT = 2;
/** Tries of an insert whose answer was lost. */
const TRIES = 2;

/**
 * Inserts jobs. Single enqueues that are made while others are on their way share one commit (group commit): each
 * caller is answered after the commit that holds its job. Inserts that join a caller's transaction never share.
 */
export class Enqueuer {
  private waiting: Waiting[] = [];
  private inFlight = 0;
  private scheduled = false;
  private idleWaiters: (() => void)[] = [];
  /** Who may start jobs at once in this process; `undefined` while nobody works here. */
  offers: SlotOffers | undefined;

  constructor(private readonly store: JobStore) {}

  /** Inserts one job, together with others that are waiting. */
  insertOne(job: NewJob): Promise<Inserted> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ job, resolve, reject });
      if (!this.scheduled) {
        this.scheduled = true;
        queueMicrotask(() => {
          this.scheduled = false;
          this.flush();
        });
      }
    });
  }

  /** Inserts jobs in one transaction of their own, or in the caller's. */
  insertAll(jobs: readonly NewJob[], transaction?: StoreTransaction): Promise<InsertJobsResult> {
    return transaction ? this.store.insertJobs(jobs, { transaction }) : this.insert(jobs);
  }

  /** Resolves when nothing is waiting or under way. */
  idle(): Promise<void> {
    if (this.inFlight === 0 && this.waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  private flush(): void {
    while (this.waiting.length > 0 && this.inFlight < MAX_IN_FLIGHT) {
      const batch = this.waiting.splice(0, MAX_BATCH);
      this.inFlight += 1;
      void this.commit(batch).finally(() => {
        this.inFlight -= 1;
        this.flush();
        if (this.inFlight === 0) for (const resolve of this.idleWaiters.splice(0)) resolve();
      });
    }
  }

  /** A batch that the store rejects is halved until the job that is at fault stands alone. */
  private async commit(batch: readonly Waiting[], retry = false): Promise<void> {
    let result: InsertJobsResult;
    try {
      result = await this.insertOffering(
        batch.map(({ job }) => job),
        retry,
      );
    } catch (error) {
      if (batch.length === 1 || error instanceof StoreUnavailableError) {
        for (const { reject } of batch) reject(error);
        return;
      }
      const half = batch.length >> 1;
      // As a repetition, for the answer to an earlier try of the whole batch may have been lost.
      await this.commit(batch.slice(0, half), true);
      await this.commit(batch.slice(half), true);
      return;
    }
    batch.forEach(({ resolve }, index) => resolve({ now: result.now, conflict: result.conflicts.get(index) }));
  }

  /** What the store hands off starts after the callers have been answered. */
  private async insertOffering(jobs: readonly NewJob[], retry: boolean): Promise<InsertJobsResult> {
    const offer = retry ? undefined : this.offers?.offer(jobs);
    if (!offer) return this.insert(jobs, retry);
    let handedOff: InsertJobsResult['handedOff'];
    let inDoubt = false;
    try {
      const result = await this.insert(jobs, retry, offer, () => (inDoubt = true));
      ({ handedOff } = result);
      return result;
    } finally {
      offer.close(handedOff ?? [], inDoubt);
    }
  }

  /**
   * The ids were made before the call, so an insert whose answer was lost can be repeated safely.
   *
   * @param lost called when an answer was lost
   */
  private async insert(
    jobs: readonly NewJob[],
    retry = false,
    offer?: SlotOffer,
    lost?: () => void,
  ): Promise<InsertJobsResult> {
    const options = retry ? { retry } : offer ? { handOff: { workerId: offer.workerId, ids: offer.ids } } : undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.store.insertJobs(jobs, attempt > 1 ? { retry: true } : options);
      } catch (error) {
        if (error instanceof StoreUnavailableError) lost?.();
        if (attempt >= TRIES || !(error instanceof StoreUnavailableError)) throw error;
      }
    }
  }
}
