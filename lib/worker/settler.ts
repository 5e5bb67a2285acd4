import type { Clock, Timer } from '../clock/clock.js';
import type { WorkerId } from '../id/ids.js';
import type { JobStore, SettleResult } from '../job/job-store.js';
import type { Outcome, Settlement } from '../job/outcome.js';
import { IdTable } from './id-table.js';

/** A settlement and whoever holds the lease it is written under. */
export interface PendingSettlement<Item> {
  readonly workerId: WorkerId;
  readonly settlement: Settlement;
  readonly item: Item;
  /** How often the store has refused it by itself. */
  readonly refusals?: number;
}

export interface SettlerOptions<Item> {
  readonly store: Pick<JobStore, 'settleJobs'>;
  readonly clock: Clock;
  /** Most settlements of one statement. */
  readonly maxBatch: number;
  /** How long the first settlement of a batch waits for company, in milliseconds; 0: until the current turn of the event loop is over. */
  readonly windowMs: number;
  /** Called once per settlement after it was written or dropped. */
  readonly onSettled: (item: Item, settlement: Settlement, how: 'written' | 'lost' | 'cancelled') => void;
  /** Called when the store keeps refusing a settlement, and its result or error text is left out. */
  readonly onSimplified: (item: Item) => void;
  /** Called for each failed try. The settlements stay and are tried again. */
  readonly onError: (error: unknown, count: number) => void;
}

/** After so many refusals a settlement is written without what the handler put into it. */
const REFUSALS = 3;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 5_000;

/**
 * Writes outcomes in batches (group commit): what ends while a batch is on its way goes with the next. A batch
 * that the store refuses is halved until the settlement at fault stands alone; one that cannot be delivered is
 * tried until the store is back. The fence makes a second try harmless: what the first one wrote counts as lost
 * the second time.
 */
export class Settler<Item> {
  private waiting: PendingSettlement<Item>[] = [];
  /** The settlements of the batch that is put together. */
  private readonly chosen = new IdTable<Settlement>();
  private writing = 0;
  private busy = false;
  private scheduled = false;
  private timer: Timer | undefined;
  private failures = 0;
  private disposed = false;
  private idleWaiters: (() => void)[] = [];

  constructor(private readonly options: SettlerOptions<Item>) {}

  /** Settlements that are not written yet. */
  get backlog(): number {
    return this.waiting.length + this.writing;
  }

  add(pending: PendingSettlement<Item>): void {
    if (this.disposed) return;
    this.waiting.push(pending);
    if (!this.busy && !this.scheduled && !this.timer) this.schedule();
  }

  /** Gives up what is not written yet, and takes nothing more: nothing goes on behind a worker that has ended. */
  dispose(): void {
    this.disposed = true;
    this.waiting = [];
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Resolves when everything handed in has been written or dropped. */
  idle(): Promise<void> {
    if (!this.busy && this.waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  private schedule(): void {
    this.scheduled = true;
    const flush = (): void => {
      this.scheduled = false;
      void this.flush();
    };
    if (this.options.windowMs > 0) this.options.clock.setTimer(this.options.windowMs, flush, { keepAlive: true });
    else setImmediate(flush);
  }

  private async flush(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.waiting.length > 0 && !this.timer) {
        const batch = this.takeBatch();
        this.writing = batch.length;
        const left = await this.write(batch);
        this.writing = 0;
        if (left.length > 0 && !this.disposed) this.retryLater(left);
      }
    } finally {
      this.writing = 0;
      this.busy = false;
    }
    if (this.waiting.length === 0) for (const resolve of this.idleWaiters.splice(0)) resolve();
  }

  /**
   * The oldest settlements that share a worker id, the fence of one statement, and one a job, as the store's answer goes
   * by job: an attempt whose answer was lost may still wait when the next one has ended.
   */
  private takeBatch(): PendingSettlement<Item>[] {
    const { workerId } = this.waiting[0]!;
    const limit = Math.min(this.waiting.length, this.options.maxBatch);
    const { chosen } = this;
    chosen.clear();
    let end = 0;
    for (; end < limit && this.waiting[end]!.workerId === workerId; end++) {
      const { settlement } = this.waiting[end]!;
      if (chosen.get(settlement.id)) break;
      chosen.set(settlement);
    }
    chosen.clear();
    return end === this.waiting.length ? this.waiting.splice(0) : this.waiting.splice(0, end);
  }

  /** @returns what could not be delivered and has to be tried again */
  private async write(batch: PendingSettlement<Item>[]): Promise<PendingSettlement<Item>[]> {
    let result: SettleResult;
    try {
      result = await this.options.store.settleJobs(
        batch[0]!.workerId,
        batch.map(({ settlement }) => settlement),
      );
    } catch (error) {
      this.options.onError(error, batch.length);
      if (isUnavailable(error)) return batch;
      if (batch.length === 1) return [this.refused(batch[0]!)];
      const half = batch.length >> 1;
      const first = await this.write(batch.slice(0, half));
      const second = await this.write(batch.slice(half));
      return [...first, ...second];
    }
    this.failures = 0;
    this.report(batch, result);
    return [];
  }

  /** Refused by itself: perhaps by chance, so it is tried again as it is before it is cut down. */
  private refused(pending: PendingSettlement<Item>): PendingSettlement<Item> {
    const refusals = (pending.refusals ?? 0) + 1;
    if (refusals < REFUSALS) return { ...pending, refusals };
    const simpler = simplify(pending);
    if (simpler !== pending) this.options.onSimplified(pending.item);
    return simpler;
  }

  private report(batch: readonly PendingSettlement<Item>[], result: SettleResult): void {
    const { onSettled } = this.options;
    if (result.lost.length === 0 && result.cancelled.length === 0) {
      for (const { item, settlement } of batch) onSettled(item, settlement, 'written');
      return;
    }
    const lost = new Set(result.lost);
    const cancelled = new Set(result.cancelled);
    for (const { item, settlement } of batch) {
      const how = lost.has(settlement.id) ? 'lost' : cancelled.has(settlement.id) ? 'cancelled' : 'written';
      onSettled(item, settlement, how);
    }
  }

  private retryLater(left: PendingSettlement<Item>[]): void {
    this.waiting = [...left, ...this.waiting];
    const delay = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.failures++);
    this.timer = this.options.clock.setTimer(
      delay * (0.5 + this.options.clock.random() / 2),
      () => {
        this.timer = undefined;
        void this.flush();
      },
      { keepAlive: true },
    );
  }
}

/**
 * A settlement that the store refuses by itself is written without what the handler put into it, so that one odd
 * result or error text cannot keep a job from ending.
 */
function simplify<Item>(pending: PendingSettlement<Item>): PendingSettlement<Item> {
  const { outcome } = pending.settlement;
  if (outcome.kind === 'completed') return withOutcome(pending, { ...outcome, result: null });
  if (outcome.kind === 'retry' || outcome.kind === 'failed') {
    const error = { name: 'Error', message: 'the error of this attempt could not be stored' };
    return withOutcome(pending, { ...outcome, error });
  }
  return pending;
}

function withOutcome<Item>(pending: PendingSettlement<Item>, outcome: Outcome): PendingSettlement<Item> {
  return { ...pending, settlement: { ...pending.settlement, outcome } };
}

function isUnavailable(error: unknown): boolean {
  return (
    (error as { code?: unknown } | null)?.code === 'STORE_UNAVAILABLE' ||
    (error as { code?: unknown } | null)?.code === 'STORE_CLOSED'
  );
}
