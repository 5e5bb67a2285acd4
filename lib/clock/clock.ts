/** A timer that can be called off. Calling `cancel` twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time, timers and randomness inside the engine, so that tests can run days in
 * milliseconds. What is due is decided by the *store's* clock; this one only paces the process.
 */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going backwards: for measuring durations. */
  monotonic(): number;
  /** A number from 0 (inclusive) to 1 (exclusive). */
  random(): number;
  /**
   * Runs `callback` once after `ms`. The timer does not keep the process alive unless `keepAlive` is set.
   */
  setTimer(ms: number, callback: () => void, options?: { keepAlive?: boolean }): Timer;
  /** Whether the stores must use this clock's `now` instead of their own. True only for a test clock. */
  readonly overridesStore: boolean;
}
