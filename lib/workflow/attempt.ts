import type { Clock, Timer } from '../clock/clock.js';
import { StepTimeoutError } from './workflow-errors.js';

/** What the function of a step is given. */
export interface StepContext {
  /** Fires on timeout, cancel, shutdown and when the lease is lost; its `reason` is the matching error. */
  readonly signal: AbortSignal;
  /** Which try of this step it is, from 1. A try that was cut off by a crash is not counted. */
  readonly attempt: number;
  /** The same for every try of this step: hand it to services that can tell a repeated request. */
  readonly idempotencyKey: string;
}

/** How a try ended. */
export type AttemptEnd =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly thrown: unknown }
  /** Its signal had fired, and it did not end within the grace. */
  | { readonly kind: 'gave-up'; readonly reason: Error };

export interface AttemptOptions {
  readonly name: string;
  readonly timeoutMs: number;
  readonly abortGraceMs: number;
  readonly clock: Clock;
}

/** One try of a step under way. */
export class Attempt {
  private readonly controller = new AbortController();
  private timer: Timer | undefined;
  private grace: Timer | undefined;
  private giveUp: ((end: AttemptEnd) => void) | undefined;
  private reason: Error | undefined;

  constructor(private readonly options: AttemptOptions) {}

  /** Calls the function, and resolves with how it ended. Never rejects. */
  async run(fn: (signal: AbortSignal) => unknown): Promise<AttemptEnd> {
    const { clock, timeoutMs, name } = this.options;
    if (timeoutMs > 0) {
      this.timer = clock.setTimer(timeoutMs, () => this.stop(new StepTimeoutError(name, timeoutMs)));
    }
    const givenUp = new Promise<AttemptEnd>((resolve) => (this.giveUp = resolve));
    const called = (async () => fn(this.controller.signal))().then(
      (value): AttemptEnd => ({ kind: 'returned', value }),
      (thrown: unknown): AttemptEnd => ({ kind: 'threw', thrown }),
    );
    const end = await Promise.race([called, givenUp]);
    this.timer?.cancel();
    this.grace?.cancel();
    const { reason } = this;
    // What it returns after its time is dropped, as is what a job returns.
    if (end.kind === 'returned' && reason instanceof StepTimeoutError) return { kind: 'threw', thrown: reason };
    if (end.kind === 'threw' && reason instanceof StepTimeoutError) {
      if (end.thrown !== reason && reason.cause === undefined) reason.cause = end.thrown;
      return { kind: 'threw', thrown: reason };
    }
    return end;
  }

  /** Fires the signal; only the first reason counts. After the grace the try ends without its function. */
  stop(reason: Error): void {
    if (this.reason) return;
    this.reason = reason;
    const { clock, abortGraceMs } = this.options;
    this.grace = clock.setTimer(abortGraceMs, () => this.giveUp?.({ kind: 'gave-up', reason }), { keepAlive: true });
    this.controller.abort(reason);
  }
}
