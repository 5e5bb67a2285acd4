import type { Clock, Timer } from '../clock/clock.js';
import { runInCleanContext } from '../scope/clean-context.js';

/** What a claim brought. */
export interface Claimed<Item> {
  readonly items: readonly Item[];
  /** Milliseconds until the next item is due, 0 when one is but could not be had, `null` when none waits. */
  readonly nextDueInMs: number | null;
}

export interface LeasedLoopOptions<Item> {
  readonly clock: Clock;
  /** Most items under way. */
  readonly concurrency: number;
  /** The pause of an idle loop: from `minMs`, doubled each time nothing is found, to `maxMs`. */
  readonly poll: { readonly minMs: number; readonly maxMs: number };
  /** Leases up to `free` items. */
  readonly claim: (free: number) => Promise<Claimed<Item>>;
  /** Starts an item; {@link LeasedLoop.finished} is called when it is through. Must not throw. */
  readonly start: (item: Item) => void;
  /** Whether to hold back, for instance because too much is waiting to be written. Checked before each claim. */
  readonly paused?: () => boolean;
  readonly onError: (error: unknown) => void;
}

/** Pause before an item that is due, but was held by somebody else, is asked for again. */
const CONTENDED_PAUSE_MS = 20;
/** Pause of a loop that holds back before it looks whether it still has to. */
const PAUSED_MS = 100;

/**
 * Claims work under leases and keeps as much of it under way as its concurrency allows. One claim is on its way at
 * a time; it asks for all free slots at once, so that under load claims are batches. An idle loop sleeps until the
 * next item is due, somebody kicks it, or its poll interval is over.
 */
export class LeasedLoop<Item> {
  private active = 0;
  private running = false;
  private claiming: Promise<void> | undefined;
  private kicked = false;
  private emptyPolls = 0;
  private timer: Timer | undefined;
  private timerAt = Number.POSITIVE_INFINITY;
  private idleWaiters: (() => void)[] = [];

  constructor(private readonly options: LeasedLoopOptions<Item>) {}

  /** How many items are under way. */
  get activeCount(): number {
    return this.active;
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.kick();
  }

  /** There may be work: look now. */
  kick(): void {
    if (!this.running) return;
    this.emptyPolls = 0;
    this.look();
  }

  /** There will be work in `ms`: look then, if not sooner. */
  kickIn(ms: number): void {
    if (!this.running) return;
    if (ms <= 0) this.kick();
    else this.sleep(ms);
  }

  /**
   * Keeps slots free for items that will come without a claim, until {@link fill}. Only while no claim is on its way: it has asked
   * for all free slots.
   */
  reserve(count: number): boolean {
    if (!this.running || this.claiming || this.active + count > this.options.concurrency) return false;
    this.active += count;
    return true;
  }

  /** Starts what has come for reserved slots, and frees the other ones. */
  fill(items: readonly Item[], reserved: number): void {
    for (const item of items) this.startOne(item);
    for (let left = reserved - items.length; left > 0; left--) this.finished();
  }

  /** An item is through: its slot is free. */
  finished(): void {
    this.active -= 1;
    if (this.active === 0) for (const resolve of this.idleWaiters.splice(0)) resolve();
    if (this.running) this.look();
  }

  /** Stops claiming. Resolves when a claim that was on its way has come back, its items started. */
  async stopClaiming(): Promise<void> {
    this.running = false;
    this.timer?.cancel();
    this.timer = undefined;
    this.timerAt = Number.POSITIVE_INFINITY;
    await this.claiming;
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.active === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  private look(): void {
    if (this.claiming) {
      this.kicked = true;
      return;
    }
    if (this.active >= this.options.concurrency) return;
    // Nobody tells when the reason to hold back is gone: look again soon.
    if (this.options.paused?.()) return this.sleep(Math.min(PAUSED_MS, this.options.poll.minMs));
    // Deferred to the end of the turn: items that finish together free their slots together.
    this.claiming = runInCleanContext(() =>
      new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.claim()),
    );
  }

  private async claim(): Promise<void> {
    let pause: number | null = null;
    this.kicked = false;
    try {
      const free = this.options.concurrency - this.active;
      if (this.running && free > 0) pause = this.take(await this.options.claim(free), free);
    } catch (error) {
      this.options.onError(error);
      pause = this.pollPause();
    }
    this.claiming = undefined;
    if (!this.running) return;
    if (this.kicked || pause === 0) this.look();
    else if (pause !== null) this.sleep(pause);
  }

  /** @returns how long to sleep; 0 to look again at once, `null` when slots have to come free first */
  private take({ items, nextDueInMs }: Claimed<Item>, free: number): number | null {
    this.active += items.length;
    for (const item of items) this.startOne(item);
    if (items.length > 0) this.emptyPolls = 0;
    if (items.length >= free) return this.active < this.options.concurrency ? 0 : null;
    const pause = this.pollPause();
    if (nextDueInMs === null) return pause;
    return Math.min(pause, nextDueInMs > 0 ? nextDueInMs : this.contendedPause());
  }

  /** What goes wrong with one item must not keep the others from starting: they are leased already. */
  private startOne(item: Item): void {
    try {
      this.options.start(item);
    } catch (error) {
      this.options.onError(error);
    }
  }

  private pollPause(): number {
    const { poll, clock } = this.options;
    const pause = Math.min(poll.maxMs, poll.minMs * 2 ** Math.min(this.emptyPolls++, 30));
    return Math.max(1, Math.round(pause * (0.75 + clock.random() / 2)));
  }

  /** Grows while the contention lasts, and stays random so that contenders part. */
  private contendedPause(): number {
    return Math.max(
      1,
      Math.round(CONTENDED_PAUSE_MS * 2 ** Math.min(this.emptyPolls, 6) * this.options.clock.random()),
    );
  }

  /** Sleeps until then, or shorter if the loop already meant to wake sooner. */
  private sleep(ms: number): void {
    const at = this.options.clock.monotonic() + ms;
    if (this.timer && this.timerAt <= at) return;
    this.timer?.cancel();
    this.timerAt = at;
    this.timer = runInCleanContext(() =>
      this.options.clock.setTimer(ms, () => {
        this.timer = undefined;
        this.timerAt = Number.POSITIVE_INFINITY;
        if (this.running) this.look();
      }),
    );
  }
}
