import { type Duration, toMs } from '../clock/duration.js';

/** Decides how long to wait before the next try (the seed's `Strategy`). */
export interface BackoffStrategy {
  /**
   * @param attempt how many tries have failed so far, 1 for the first retry
   * @param random a number from 0 to 1, for strategies with jitter; `Math.random()` when left out
   * @returns milliseconds until the next try, never negative and always finite
   */
  delay(attempt: number, random?: number): number;
}

/** A strategy as data, so that it can be stored beside a job. */
export interface BackoffSpec {
  readonly type: 'constant' | 'linear' | 'exponential';
  /** The first delay, and the step of a linear backoff. */
  readonly initial: Duration;
  /** The longest delay. Default: `initial` for constant, one minute for the others. */
  readonly max?: Duration;
  /** `full`: a random delay between zero and the computed one, so that retries of many jobs spread out. */
  readonly jitter?: 'full' | 'none';
}

/** What an option named `backoff` takes. */
export type Backoff = BackoffSpec | BackoffStrategy;

const DEFAULT_MAX_MS = 60_000;
const JITTERS: readonly unknown[] = ['full', 'none', undefined] satisfies BackoffSpec['jitter'][];

class SpecBackoff implements BackoffStrategy {
  private readonly initialMs: number;
  private readonly maxMs: number;
  readonly spec: BackoffSpec;

  constructor(spec: BackoffSpec) {
    this.initialMs = toMs(spec.initial, 'backoff.initial');
    this.maxMs =
      spec.max === undefined
        ? spec.type === 'constant'
          ? this.initialMs
          : DEFAULT_MAX_MS
        : toMs(spec.max, 'backoff.max');
    if (spec.max === undefined && this.initialMs > this.maxMs) this.maxMs = this.initialMs;
    if (this.maxMs < this.initialMs) {
      throw new TypeError(
        `"backoff.max" must not be less than "backoff.initial" (got ${this.maxMs} ms and ${this.initialMs} ms).`,
      );
    }
    if (!JITTERS.includes(spec.jitter)) {
      throw new TypeError(`"backoff.jitter" must be 'full' or 'none' (got ${JSON.stringify(spec.jitter)}).`);
    }
    this.spec = { type: spec.type, initial: this.initialMs, max: this.maxMs, jitter: spec.jitter ?? 'none' };
  }

  delay(attempt: number, random: number = Math.random()): number {
    const ceiling = Math.min(this.maxMs, this.raw(Math.max(1, attempt)));
    return Math.round(this.spec.jitter === 'full' ? ceiling * random : ceiling);
  }

  private raw(attempt: number): number {
    switch (this.spec.type) {
      case 'constant':
        return this.initialMs;
      case 'linear':
        return this.initialMs * attempt;
      case 'exponential':
        // Above 2^53 the product stays a large finite number or becomes Infinity; the caller takes the minimum.
        return this.initialMs === 0 ? 0 : this.initialMs * 2 ** Math.min(attempt - 1, 1_000);
    }
  }
}

/** The same delay every time (the seed's `NewConstant`). */
export const constantBackoff = (interval: Duration): BackoffStrategy =>
  new SpecBackoff({ type: 'constant', initial: interval });

/** `initial`, twice `initial`, three times, up to `max` (the seed's `NewLinear`). */
export const linearBackoff = (initial: Duration, max: Duration): BackoffStrategy =>
  new SpecBackoff({ type: 'linear', initial, max });

/** `initial`, doubled each time, up to `max` (the seed's `NewExponential`). */
export const exponentialBackoff = (initial: Duration, max: Duration): BackoffStrategy =>
  new SpecBackoff({ type: 'exponential', initial, max });

/** Exponential with full jitter (the seed's `NewExponentialWithJitter`; "full jitter" after Brooker, AWS 2015). */
export const exponentialBackoffWithJitter = (initial: Duration, max: Duration): BackoffStrategy =>
  new SpecBackoff({ type: 'exponential', initial, max, jitter: 'full' });

/** Exponential with full jitter from one second to one minute (the seed's `DefaultStrategy`). */
export const defaultBackoff = (): BackoffStrategy => exponentialBackoffWithJitter(1_000, DEFAULT_MAX_MS);

const TYPES: readonly unknown[] = ['constant', 'linear', 'exponential'];

/**
 * The strategy of a `backoff` option.
 *
 * @throws {TypeError} when it is neither a strategy nor a valid spec
 */
export function toBackoffStrategy(backoff: Backoff): BackoffStrategy {
  if (typeof (backoff as BackoffStrategy | undefined)?.delay === 'function') return backoff as BackoffStrategy;
  const spec = backoff as BackoffSpec | undefined;
  if (!spec || !TYPES.includes(spec.type)) {
    throw new TypeError(
      `"backoff" must be { type: 'constant' | 'linear' | 'exponential', initial, max?, jitter? } or an object with delay(attempt) (got ${JSON.stringify(backoff)}).`,
    );
  }
  return new SpecBackoff(spec);
}

/**
 * The data of a `backoff` option, for storing it with a job; `undefined` for a strategy written by hand,
 * which only code can hold.
 */
export function toBackoffSpec(backoff: Backoff): BackoffSpec | undefined {
  const strategy = toBackoffStrategy(backoff);
  return strategy instanceof SpecBackoff ? strategy.spec : undefined;
}
