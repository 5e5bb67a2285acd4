import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../lib/engine/engine.js';
import type { EnqueuedJob } from '../../lib/job/producer.js';
import type { ChaosPayload, JobPlan, PlannedJob } from './plan.js';
import type { Random } from './random.js';

/** Most enqueues on their way at a time. */
const MAX_IN_FLIGHT = 40;
/** An enqueue has to end sooner than this, one way or the other. */
export const HANG_MS = 60_000;
/** How much longer than planned it may take until enough jobs are acknowledged: so many times, and so long. */
const OVERTIME_TIMES = 5;
const OVERTIME_MS = 120_000;
/** The pause after an enqueue that failed. */
const FAILED_PAUSE_MS = 100;

class RolledBack extends Error {}

/** Enqueues jobs in every way there is, and remembers what the store said of each. */
export class Producer {
  /** Number of the job to its id: the store said that it has it. */
  readonly acknowledged = new Map<number, string>();
  /** Numbers of jobs whose transaction was rolled back. */
  readonly rolledBack = new Set<number>();
  /** Numbers of jobs whose enqueue failed: whether the store has them is open. */
  readonly unknown = new Set<number>();
  /** Enqueues that failed. */
  readonly failures = new Map<string, number>();
  /** The longest that an enqueue took, in milliseconds. */
  longestMs = 0;
  private readonly inFlight = new Map<Promise<void>, number>();
  private underWay = 0;
  private failedAt = -Infinity;

  constructor(
    private readonly engine: Engine,
    private readonly plan: JobPlan,
    private readonly random: Random,
  ) {}

  /** How many enqueues have been on their way for too long. */
  get hanging(): number {
    const now = performance.now();
    return [...this.inFlight.values()].filter((since) => now - since > HANG_MS).length;
  }

  /** Enqueues until so many are acknowledged, spread over a time, and somewhat longer where the store was away. */
  async run(goal: number, durationMs: number, signal: AbortSignal): Promise<void> {
    const started = performance.now();
    const late = started + OVERTIME_TIMES * durationMs + OVERTIME_MS;
    while (this.acknowledged.size < goal && !signal.aborted && performance.now() < late) {
      const share = Math.min(1, (performance.now() - started) / durationMs);
      let owed = Math.ceil(goal * share) - this.acknowledged.size - this.underWay;
      while (owed > 0 && this.inFlight.size < MAX_IN_FLIGHT) owed -= this.enqueueSome(owed);
      await sleep(performance.now() - this.failedAt < FAILED_PAUSE_MS ? FAILED_PAUSE_MS : 20);
    }
    await Promise.race([Promise.allSettled(this.inFlight.keys()), sleep(HANG_MS, undefined, { ref: false })]);
  }

  private enqueueSome(most: number): number {
    const how = this.random.weighted({ one: 80, many: 12, transaction: 12 });
    const jobs = this.plan.many(how === 'one' ? 1 : Math.min(most, this.random.between(2, how === 'many' ? 100 : 10)));
    const rollBack = how === 'transaction' && this.random.chance(0.4);
    this.underWay += jobs.length;
    const since = performance.now();
    const call = (how === 'transaction' ? this.inTransaction(jobs, rollBack) : this.direct(jobs))
      .catch((error: unknown) => this.failed(jobs, error))
      .finally(() => {
        this.underWay -= jobs.length;
        this.longestMs = Math.max(this.longestMs, performance.now() - since);
        this.inFlight.delete(call);
      });
    this.inFlight.set(call, since);
    return jobs.length;
  }

  private async direct(jobs: readonly PlannedJob[]): Promise<void> {
    const [first] = jobs;
    const { job, input, ...options } = first!.item;
    const stored =
      jobs.length === 1
        ? [await this.engine.enqueue(job as string, input, options)]
        : await this.engine.enqueueMany(jobs.map(({ item }) => item));
    this.acknowledge(stored);
  }

  private async inTransaction(jobs: readonly PlannedJob[], rollBack: boolean): Promise<void> {
    try {
      const stored = await this.engine.transaction(async (manager) => {
        const given = await this.engine.enqueueMany(
          jobs.map(({ item }) => item),
          { manager },
        );
        if (rollBack) throw new RolledBack();
        return given;
      });
      this.acknowledge(stored);
    } catch (error) {
      if (!rollBack) throw error;
      // However it ended: nothing of it was committed.
      for (const { payload } of jobs) this.rolledBack.add(payload.n);
      if (!(error instanceof RolledBack)) this.count(error);
    }
  }

  private acknowledge(stored: readonly EnqueuedJob[]): void {
    for (const { id, payload } of stored) this.acknowledged.set((payload as ChaosPayload).n, id);
  }

  private failed(jobs: readonly PlannedJob[], error: unknown): void {
    for (const { payload } of jobs) this.unknown.add(payload.n);
    this.count(error);
  }

  private count(error: unknown): void {
    this.failedAt = performance.now();
    const { name, message } = error as Error;
    const text = `${name}: ${message}`;
    this.failures.set(text, (this.failures.get(text) ?? 0) + 1);
  }
}
