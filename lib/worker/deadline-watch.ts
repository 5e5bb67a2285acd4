import type { Clock, Timer } from '../clock/clock.js';
import { IdTable } from './id-table.js';
import type { RunningJob } from './running-job.js';

/** Finest step at which timeouts are noticed, in milliseconds. */
const TICK_MS = 25;

/**
 * Watches the deadlines of running jobs with one timer for all of them, since a timer a job would be the largest
 * cost of running a short one. The timer sleeps until the earliest deadline.
 */
export class DeadlineWatch {
  private readonly jobs = new IdTable<RunningJob>();
  private timer: Timer | undefined;
  private wakeAt = Number.POSITIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly onDeadline: (job: RunningJob) => void,
  ) {}

  add(job: RunningJob): void {
    if (job.deadline === Number.POSITIVE_INFINITY) return;
    this.jobs.set(job);
    if (job.deadline < this.wakeAt) this.sleepUntil(job.deadline);
  }

  remove(job: RunningJob): void {
    this.jobs.delete(job);
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.wakeAt = Number.POSITIVE_INFINITY;
  }

  private sleepUntil(deadline: number): void {
    this.timer?.cancel();
    this.wakeAt = deadline;
    this.timer = this.clock.setTimer(Math.max(1, deadline - this.clock.monotonic()), () => this.check());
  }

  private check(): void {
    this.wakeAt = Number.POSITIVE_INFINITY;
    const now = this.clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const job of this.jobs.values()) {
      if (job.deadline <= now) {
        this.jobs.delete(job);
        this.onDeadline(job);
      } else if (job.deadline < next) {
        next = job.deadline;
      }
    }
    if (next !== Number.POSITIVE_INFINITY) this.sleepUntil(Math.max(next, now + TICK_MS));
  }
}
