import type { Clock, Timer } from '../clock/clock.js';
import type { RunId, WorkerId } from '../id/ids.js';
import type { Committed } from '../workflow/outbox.js';
import type { CommitRunsResult, RunCommit } from '../workflow/run-commit.js';
import type { WorkflowStore } from '../workflow/workflow-store.js';

interface Pending {
  readonly workerId: WorkerId;
  readonly commit: RunCommit;
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: unknown) => void;
  readonly refusals: number;
}

export interface RunCommitterOptions {
  readonly store: Pick<WorkflowStore, 'commitRuns'>;
  readonly clock: Clock;
  /** Most runs of one commit. */
  readonly maxBatch: number;
  /** Called for each failed try. */
  readonly onError: (error: unknown, count: number) => void;
}

/** After so many refusals by itself a commit is given up. */
const REFUSALS = 3;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 5_000;

/**
 * Writes what activations have to write, together (group commit): what comes while a commit is on its way goes with the
 * next. One that the store refuses is halved until the run at fault stands alone; one that cannot be delivered is tried
 * until the store is back: the fence makes a second try harmless.
 */
export class RunCommitter {
  private waiting: Pending[] = [];
  private busy = false;
  private scheduled = false;
  private timer: Timer | undefined;
  private failures = 0;
  private disposed = false;
  private idleWaiters: (() => void)[] = [];

  constructor(private readonly options: RunCommitterOptions) {}

  /** Rejects when the store keeps refusing it by itself. */
  commit(workerId: WorkerId, commit: RunCommit): Promise<Committed> {
    return new Promise((resolve, reject) => {
      if (this.disposed) return;
      this.waiting.push({ workerId, commit, resolve, reject, refusals: 0 });
      this.schedule();
    });
  }

  /** Resolves when everything handed in has been written, dropped or refused. */
  idle(): Promise<void> {
    if (!this.busy && this.waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** Gives up what is not written yet. */
  dispose(): void {
    this.disposed = true;
    this.waiting = [];
    this.timer?.cancel();
    this.timer = undefined;
  }

  private schedule(): void {
    if (this.busy || this.scheduled || this.timer) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      void this.flush();
    });
  }

  private async flush(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    while (this.waiting.length > 0 && !this.timer) {
      const left = await this.write(this.takeBatch());
      if (left.length > 0 && !this.disposed) this.retryLater(left);
    }
    this.busy = false;
    if (this.waiting.length === 0) for (const resolve of this.idleWaiters.splice(0)) resolve();
  }

  /** The oldest that share a worker id, the fence of one commit, and one a run. */
  private takeBatch(): Pending[] {
    const { workerId } = this.waiting[0]!;
    const runs = new Set<RunId>();
    const batch: Pending[] = [];
    const rest: Pending[] = [];
    for (const pending of this.waiting) {
      const { runId } = pending.commit;
      const fits = batch.length < this.options.maxBatch && pending.workerId === workerId && !runs.has(runId);
      (fits ? batch : rest).push(pending);
      runs.add(runId);
    }
    this.waiting = rest;
    return batch;
  }

  /** @returns what could not be delivered and has to be tried again */
  private async write(batch: readonly Pending[]): Promise<readonly Pending[]> {
    let result: CommitRunsResult;
    try {
      result = await this.options.store.commitRuns(
        batch[0]!.workerId,
        batch.map(({ commit }) => commit),
      );
    } catch (error) {
      this.options.onError(error, batch.length);
      if (isUnavailable(error)) return batch;
      if (batch.length === 1) return this.refused(batch[0]!, error);
      const half = batch.length >> 1;
      return [...(await this.write(batch.slice(0, half))), ...(await this.write(batch.slice(half)))];
    }
    this.failures = 0;
    const lost = new Set(result.lost);
    for (const { commit, resolve } of batch) {
      if (lost.has(commit.runId)) resolve({ kind: 'lost' });
      else resolve({ kind: 'written', open: result.open.get(commit.runId) });
    }
    return [];
  }

  private refused(pending: Pending, error: unknown): readonly Pending[] {
    const refusals = pending.refusals + 1;
    if (refusals < REFUSALS) return [{ ...pending, refusals }];
    pending.reject(error);
    return [];
  }

  private retryLater(left: readonly Pending[]): void {
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

function isUnavailable(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return code === 'STORE_UNAVAILABLE' || code === 'STORE_CLOSED';
}
