import type { Clock } from '../clock/clock.js';
import { StoreUnavailableError } from '../errors.js';
import type { WorkerId } from '../id/ids.js';
import type { DispatchLogger } from '../observability/logger.js';
import type { HeldRun } from '../workflow/run-record.js';
import type { WorkflowStore } from '../workflow/workflow-store.js';

export interface StrayRunsOptions {
  readonly store: Pick<WorkflowStore, 'listHeldRuns' | 'commitRuns'>;
  readonly clock: Clock;
  readonly logger: DispatchLogger;
  /** Longer than the store can take to finish a call whose answer was lost. */
  readonly leaseMs: number;
  /** Whether the worker knows that it holds this attempt. */
  readonly knows: (run: HeldRun) => boolean;
}

/** Runs that a claim leased to this worker although its answer never arrived: they are handed back, as stray jobs are. */
export class StrayRuns {
  /** When a claim in doubt must have ended, by the monotonic clock. */
  private settledAt: number | undefined;

  constructor(private readonly options: StrayRunsOptions) {}

  /** Notes whether the answer to a claim was lost. */
  async watch<T>(claim: Promise<T>): Promise<T> {
    try {
      return await claim;
    } catch (error) {
      if (error instanceof StoreUnavailableError)
        this.settledAt = this.options.clock.monotonic() + this.options.leaseMs;
      throw error;
    }
  }

  /** Hands back what a claim in doubt may have leased. Call it while no claim is on its way. */
  async handBack(workerId: WorkerId): Promise<void> {
    const { store, clock, logger, knows } = this.options;
    if (this.settledAt === undefined || clock.monotonic() < this.settledAt) return;
    const strays = (await store.listHeldRuns(workerId)).filter((run) => !knows(run));
    if (strays.length > 0) {
      logger.warn(`${strays.length} runs were claimed by a call whose answer was lost; they are handed back`);
      const nothing = { generation: 1, parentRunId: null, checkpoints: [], waits: [], children: [], look: false };
      await store.commitRuns(
        workerId,
        strays.map(({ id, attempt }) => ({ ...nothing, runId: id, attempt, next: { kind: 'released' } })),
      );
    }
    this.settledAt = undefined;
  }
}
