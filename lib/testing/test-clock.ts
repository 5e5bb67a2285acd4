import type { Clock, Timer } from '../clock/clock.js';
import { type Duration, toMs } from '../clock/duration.js';

interface PendingTimer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until a test moves it. Stores that are given one use it instead of the database's,
 * so that days pass in milliseconds.
 */
export class TestClock implements Clock {
  readonly overridesStore = true;
  private current: number;
  private seed: number;
  private order = 0;
  private readonly timers = new Set<PendingTimer>();

  /** @param start the first time it shows @param seed of {@link random}, so that a run can be repeated */
  constructor(start: Date | number = Date.UTC(2030, 0, 1), seed = 1) {
    this.current = typeof start === 'number' ? start : start.getTime();
    this.seed = seed >>> 0;
  }

  now(): number {
    return this.current;
  }

  monotonic(): number {
    return this.current;
  }

  /** The same numbers for the same seed (mulberry32). */
  random(): number {
    this.seed = (this.seed + 0x6d2b79f5) >>> 0;
    let t = this.seed;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  setTimer(ms: number, callback: () => void): Timer {
    const timer = { at: this.current + Math.max(0, ms), order: this.order++, callback };
    this.timers.add(timer);
    return { cancel: () => void this.timers.delete(timer) };
  }

  /** How many timers wait. */
  get pendingTimers(): number {
    return this.timers.size;
  }

  /** Moves the time without firing timers: for stores under test that have none. */
  set(time: Date | number): void {
    this.current = typeof time === 'number' ? time : time.getTime();
  }

  /**
   * Moves the time on, firing each timer at its moment, in order, and letting what it started settle before the next.
   *
   * @param duration milliseconds, or a text such as `'3d'`
   */
  async advance(duration: Duration): Promise<void> {
    const end = this.current + toMs(duration);
    await settle();
    for (let next = this.next(end); next; next = this.next(end)) {
      this.timers.delete(next);
      this.current = Math.max(this.current, next.at);
      next.callback();
      await settle();
    }
    this.current = end;
    await settle();
  }

  private next(end: number): PendingTimer | undefined {
    let first: PendingTimer | undefined;
    for (const timer of this.timers) {
      if (timer.at > end) continue;
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer;
    }
    return first;
  }
}

/** Turns of the event loop for what a timer started: a workflow's replay takes some for each of its steps. */
const SETTLE_TURNS = 50;

/** Lets promise chains and immediates that are under way run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
