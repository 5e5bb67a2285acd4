import type { Clock, Timer } from '../clock/clock.js';
import { runInCleanContext } from '../scope/clean-context.js';

export interface PeriodicOptions {
  readonly clock: Clock;
  readonly everyMs: number;
  /** Part of the interval by which each pause varies at random, so that processes spread out. */
  readonly jitter: number;
  /** Whether the process lives on for it, with nothing else to do. Default false. */
  readonly keepAlive?: boolean;
  readonly task: () => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** Runs a task again and again with a pause in between, never twice at the same time; an error does not end it. */
export class Periodic {
  private timer: Timer | undefined;
  private current: Promise<void> | undefined;
  private stopped = true;

  constructor(private readonly options: PeriodicOptions) {}

  start(): void {
    this.stopped = false;
    this.schedule();
  }

  /** Runs the task now, or joins the run that is under way. Never rejects. */
  runNow(): Promise<void> {
    this.current ??= runInCleanContext(() => this.options.task())
      .catch((error: unknown) => this.options.onError(error))
      .finally(() => (this.current = undefined));
    return this.current;
  }

  /** Ends it; resolves when a run that was under way is over. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    this.timer = undefined;
    await this.current;
  }

  private schedule(): void {
    if (this.stopped) return;
    const { clock, everyMs, jitter, keepAlive = false } = this.options;
    const pause = everyMs * (1 - jitter + clock.random() * jitter * 2);
    // A start during a run must not lead to two timers.
    this.timer?.cancel();
    const run = (): void => void this.runNow().then(() => this.schedule());
    this.timer = runInCleanContext(() => clock.setTimer(pause, run, { keepAlive }));
  }
}
