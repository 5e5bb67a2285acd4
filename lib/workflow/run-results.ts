import type { Clock } from '../clock/clock.js';
import { toMs } from '../clock/duration.js';
import type { Duration } from '../clock/duration.js';
import type { CodecRegistry } from '../codec/payload-codec.js';
import { RunNotFoundError } from '../errors.js';
import { type RunId, parseRunId } from '../id/ids.js';
import type { ScopeOption, ScopePolicy } from '../scope/scope-policy.js';
import type { RunRecord } from './run-record.js';
import { isRunEnded } from './run-state.js';
import { RecordedError, RunFailedError, RunResultTimeoutError } from './workflow-errors.js';
import type { WorkflowStore } from './workflow-store.js';

export interface RunResultOptions extends ScopeOption {
  /** How long to wait. Default: for ever. */
  readonly timeout?: Duration;
}

export interface RunResultsOptions {
  readonly store: () => Promise<WorkflowStore>;
  readonly scopes: ScopePolicy;
  readonly codecs: CodecRegistry;
  readonly clock: Clock;
}

/** Pauses between looks at a run that ends elsewhere, in milliseconds: from the first, growing by half each time. */
const FIRST_LOOK_MS = 25;
const LONGEST_PAUSE_MS = 1_000;

/** How a run ended, as whoever waits for it needs it. */
export type EndedRun = Pick<RunRecord, 'id' | 'state' | 'output' | 'codec' | 'error'>;

/** Waits for the ends of runs: told by the worker of this process at once, found by looking where another one runs them. */
export class RunResults {
  private readonly waiters = new Map<RunId, Set<(run: EndedRun) => void>>();

  constructor(private readonly options: RunResultsOptions) {}

  /** A run has ended in this process. */
  ended(run: EndedRun): void {
    for (const tell of this.waiters.get(run.id) ?? []) tell(run);
  }

  /**
   * The output of a run, as JSON gives it back.
   *
   * @throws RunNotFoundError, RunFailedError with the run's error as its cause, RunResultTimeoutError, InvalidIdError
   */
  async wait(id: string, { timeout, scope: given }: RunResultOptions = {}): Promise<unknown> {
    const { clock, scopes } = this.options;
    const scope = scopes.resolve('runResult', given);
    const runId = parseRunId(id);
    const limitMs = timeout === undefined ? Number.POSITIVE_INFINITY : toMs(timeout, 'timeout');
    const begunAt = clock.monotonic();
    let pause = FIRST_LOOK_MS;
    for (;;) {
      const told = this.told(runId);
      try {
        const run = await (await this.options.store()).getRun(runId, scope);
        if (!run) throw new RunNotFoundError(id);
        if (isRunEnded(run.state)) return this.resultOf(run);
        const left = limitMs - (clock.monotonic() - begunAt);
        if (left <= 0) throw new RunResultTimeoutError(id, limitMs);
        const ended = await told.within(Math.min(pause, left));
        if (ended) return this.resultOf(ended);
      } finally {
        told.leave();
      }
      pause = Math.min(LONGEST_PAUSE_MS, pause * 1.5);
    }
  }

  private resultOf({ id, state, output, codec, error }: EndedRun): unknown {
    if (state === 'completed') return this.options.codecs.decode(codec, output);
    throw new RunFailedError(
      id,
      state === 'cancelled' ? 'cancelled' : 'failed',
      error ? { cause: new RecordedError(error) } : {},
    );
  }

  /** Listens from now on, so that an end between a look and the pause after it is heard. */
  private told(id: RunId): { within(ms: number): Promise<EndedRun | undefined>; leave(): void } {
    const { clock } = this.options;
    let hear!: (run: EndedRun) => void;
    const heard = new Promise<EndedRun>((resolve) => (hear = resolve));
    const waiters = this.waiters.get(id) ?? new Set();
    this.waiters.set(id, waiters.add(hear));
    return {
      within: (ms) =>
        new Promise((resolve) => {
          const timer = clock.setTimer(ms, () => resolve(undefined), { keepAlive: true });
          void heard.then((run) => {
            timer.cancel();
            resolve(run);
          });
        }),
      leave: () => {
        waiters.delete(hear);
        if (waiters.size === 0 && this.waiters.get(id) === waiters) this.waiters.delete(id);
      },
    };
  }
}
