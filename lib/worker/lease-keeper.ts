import type { Clock } from '../clock/clock.js';
import type { ClusterStore } from '../cluster/cluster-store.js';
import type { WorkerId } from '../id/ids.js';
import type { DispatchLogger } from '../observability/logger.js';
import type { HeldJobs } from './held-jobs.js';
import type { LeaseCompanion } from './lease-companion.js';
import { Pulse } from './pulse.js';
import type { RunningJob } from './running-job.js';

export interface LeaseKeeperOptions {
  readonly store: Pick<ClusterStore, 'pulse'>;
  readonly clock: Clock;
  readonly logger: DispatchLogger;
  readonly held: HeldJobs;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly abortGraceMs: number;
  readonly companion?: Pick<LeaseCompanion, 'busyUntil'> | undefined;
}

/** Keeps the lease while handlers block the event loop, for as long as what runs may take. */
export class LeaseKeeper {
  private pulse: Pulse | undefined;
  /** Counts starts and the stop: what an earlier one was about to begin must not outlive it. */
  private generation = 0;
  private stopped = false;

  constructor(private readonly options: LeaseKeeperOptions) {}

  /**
   * Begins to keep the lease of this worker, instead of a former one. Of two starts at the same time the later one
   * counts: a heartbeat and a claim may both be told that the worker is dead.
   */
  async start(id: WorkerId): Promise<void> {
    if (this.stopped) return;
    const generation = ++this.generation;
    const { store, leaseMs, heartbeatMs, logger } = this.options;
    await this.endPulse();
    const source = await store.pulse?.(id, leaseMs);
    if (!source || generation !== this.generation) return;
    this.pulse = new Pulse({ source, lateMs: Math.min(heartbeatMs * 1.5, leaseMs / 2), logger });
    this.pulse.start();
    this.beating();
  }

  /** A job begins, and may block the event loop from now on. */
  began(job: RunningJob): void {
    this.pulse?.extend(this.endOf(job));
  }

  /** Something begins that may block the event loop until then, epoch milliseconds. */
  extend(until: number): void {
    this.pulse?.extend(until);
  }

  /** The main thread is well, and about to renew the lease. */
  beating(): void {
    if (!this.pulse) return;
    const { leaseMs, companion } = this.options;
    let end = Math.max(Date.now() + leaseMs, companion?.busyUntil() ?? 0);
    for (const job of this.options.held.all()) end = Math.max(end, this.endOf(job));
    this.pulse.permit(end);
  }

  /** The main thread has renewed the lease. */
  renewed(): void {
    this.pulse?.renewed();
  }

  /** For good. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.generation += 1;
    await this.endPulse();
  }

  private async endPulse(): Promise<void> {
    const { pulse } = this;
    this.pulse = undefined;
    await pulse?.stop();
  }

  /** Epoch milliseconds after which a main thread that has not come back from this job is stuck. */
  private endOf({ deadline }: RunningJob): number {
    const { clock, abortGraceMs } = this.options;
    return Date.now() + deadline - clock.monotonic() + abortGraceMs;
  }
}
