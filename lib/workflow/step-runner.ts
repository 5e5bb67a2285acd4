import { type BackoffStrategy, toBackoffStrategy } from '../backoff/backoff.js';
import { NonRetryableError } from '../job/control-outcomes.js';
import { checkRetries } from '../job/checks.js';
import { type ErrorRecord, toErrorRecord } from '../job/job-error.js';
import type { ActivationHost } from './activation-host.js';
import { Attempt, type AttemptEnd, type StepContext } from './attempt.js';
import { checkpointNameOf } from './checkpoint.js';
import type { NewWait } from './wait.js';
import type { WaitBoard, WaitRequest, WaitResult } from './wait-board.js';
import type { StepOptions } from './workflow-context.js';
import { checkDuration } from './workflow-checks.js';

/** How a step ended for good. `cut` when the activation ended before it: nothing is to be recorded. */
export type StepEnd =
  | { readonly kind: 'done'; readonly value: string | null; readonly tries: number; readonly elapsedMs: number }
  | { readonly kind: 'failed'; readonly error: ErrorRecord; readonly tries: number; readonly elapsedMs: number }
  | { readonly kind: 'cut' };

/** What running a step needs of its activation. */
export interface StepHost {
  readonly host: ActivationHost;
  readonly board: WaitBoard;
  /** Encodes a result. @throws PayloadError */
  encode(what: string, value: unknown): string | null;
  idempotencyKey(key: string): string;
  /** Resolves when all that was recorded is on disk. */
  barrier(): Promise<void>;
  wait(request: WaitRequest): Promise<WaitResult>;
  /** Counts as work under way until it resolves. */
  work<T>(fn: () => Promise<T>): Promise<T>;
  /** Whether the activation is ending, so that only what completes is recorded. */
  readonly isEnding: boolean;
}

/** Tries a step until it is done, its tries are over or the activation ends. Waits between tries lie on the wait board. */
export class StepRunner {
  private readonly attempts = new Map<Attempt, Promise<unknown>>();

  constructor(private readonly step: StepHost) {}

  async run(key: string, fn: (step: StepContext) => unknown, options: StepOptions = {}): Promise<StepEnd> {
    const { host, board } = this.step;
    const retries = options.retries === undefined ? host.stepRetries : checkRetries(options.retries);
    const timeoutMs = options.timeout === undefined ? host.stepTimeoutMs : checkDuration('timeout', options.timeout);
    const backoff = options.backoff === undefined ? host.backoff : toBackoffStrategy(options.backoff);
    const former = board.former(key);
    let tries = former?.kind === 'retry' ? former.tries : 0;
    if (tries > 0) await this.step.wait({ parts: [retryWait(key, tries, 0, former!.error)] });
    for (;;) {
      const begunAt = host.clock.monotonic();
      const end = await this.step.work(() => this.attempt(key, timeoutMs, tries + 1, fn));
      tries += 1;
      const elapsedMs = host.clock.monotonic() - begunAt;
      if (end.kind === 'returned') return this.done(key, end.value, tries, elapsedMs);
      if (this.step.isEnding) return { kind: 'cut' };
      const thrown = end.kind === 'threw' ? end.thrown : end.reason;
      const error = toErrorRecord(thrown);
      if (tries > retries || isFinal(thrown)) return { kind: 'failed', error, tries, elapsedMs };
      await this.step.wait({ parts: [retryWait(key, tries, retryDelay(backoff, tries, host.clock.random()), error)] });
    }
  }

  /** Asks what is under way to stop, and resolves when it has. */
  async stopAll(reason: Error): Promise<void> {
    const running = [...this.attempts];
    for (const [attempt] of running) attempt.stop(reason);
    await Promise.all(running.map(([, ended]) => ended));
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await Promise.all(this.attempts.values());
  }

  private async attempt(
    key: string,
    timeoutMs: number,
    tries: number,
    fn: (step: StepContext) => unknown,
  ): Promise<AttemptEnd> {
    const { host } = this.step;
    await this.step.barrier();
    if (this.step.isEnding) return new Promise<never>(() => undefined);
    const { clock, abortGraceMs } = host;
    const attempt = new Attempt({ name: checkpointNameOf(key), timeoutMs, abortGraceMs, clock });
    const idempotencyKey = this.step.idempotencyKey(key);
    const ended = attempt.run((signal) => fn({ signal, attempt: tries, idempotencyKey }));
    this.attempts.set(attempt, ended);
    const end = await ended;
    this.attempts.delete(attempt);
    return end;
  }

  private done(key: string, value: unknown, tries: number, elapsedMs: number): StepEnd {
    try {
      const text = this.step.encode(`step "${checkpointNameOf(key)}"`, value);
      return { kind: 'done', value: text, tries, elapsedMs };
    } catch (error) {
      // The step would have its effect again, to the same end.
      return { kind: 'failed', error: toErrorRecord(error), tries, elapsedMs };
    }
  }
}

function isFinal(thrown: unknown): boolean {
  try {
    return thrown instanceof NonRetryableError;
  } catch {
    return false;
  }
}

function retryWait(key: string, tries: number, delayMs: number, error: ErrorRecord | null): NewWait {
  return {
    key,
    part: 0,
    kind: 'retry',
    due: { inMs: delayMs },
    eventName: null,
    eventKey: null,
    lookbackMs: 0,
    rejected: [],
    childRunId: null,
    tries,
    error,
  };
}

/** A strategy written by an application may throw or return nonsense: the step still gets a sane delay. */
function retryDelay(backoff: BackoffStrategy, tries: number, random: number): number {
  try {
    const delay = backoff.delay(tries, random);
    return Number.isFinite(delay) && delay >= 0 ? Math.min(Math.round(delay), 365 * 86_400_000) : 1_000;
  } catch {
    return 1_000;
  }
}
