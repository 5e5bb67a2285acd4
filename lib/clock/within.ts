import type { Clock } from './clock.js';

/** What {@link within} rejects with. */
export class TookTooLongError extends Error {}

/**
 * A promise with a time limit. What it was waiting for goes on; only the waiting ends.
 *
 * @param ms the limit in milliseconds
 * @throws TookTooLongError when it is over; else what `promise` rejects with
 */
export function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(ms, () => reject(new TookTooLongError(`no answer within ${ms} ms`)), {
      keepAlive: true,
    });
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}
