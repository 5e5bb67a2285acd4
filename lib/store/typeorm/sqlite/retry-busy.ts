import { isBusy, lockedError } from './sqlite-errors.js';

/** How long an operation waits for SQLite's write lock. */
export const LOCK_DEADLINE_MS = 5_000;

const LONGEST_PAUSE_MS = 20;

/**
 * Runs `attempt` until the lock is free, pausing 1 to 20 ms with jitter between tries and never blocking the event
 * loop. Real timers: a lock is held by the machine's clock, whatever clock a test uses.
 *
 * @param file named in the error
 * @throws StoreUnavailableError when the lock was not free within {@link LOCK_DEADLINE_MS}
 */
export async function retryBusy<T>(file: string, attempt: () => T | Promise<T>): Promise<T> {
  const started = performance.now();
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() - started >= LOCK_DEADLINE_MS) throw lockedError(file, LOCK_DEADLINE_MS, error);
      await pause(1 + Math.random() * Math.min(LONGEST_PAUSE_MS - 1, tries * 2));
    }
  }
}

/** Waits on a real timer that keeps the process alive. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
