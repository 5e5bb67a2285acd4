import type { Timer } from '../clock/clock.js';
import { type Duration, toMs } from '../clock/duration.js';
import { systemClock } from '../clock/system-clock.js';
import { JobTimeoutError } from '../errors.js';
import type { Middleware } from './middleware.js';

/**
 * Gives what is inside it at most `duration`, by rejecting (the seed's `Timeout`). A job's own `timeout` is kept by
 * the engine and also fires the job's signal; use this for a part of the chain.
 */
export function timeout(duration: Duration): Middleware {
  const ms = toMs(duration, 'timeout');
  return async (_job, next) => {
    let timer: Timer | undefined;
    const expired = new Promise<never>((_resolve, reject) => {
      timer = systemClock.setTimer(ms, () => reject(new JobTimeoutError(ms)), { keepAlive: true });
    });
    try {
      return await Promise.race([next(), expired]);
    } finally {
      timer?.cancel();
    }
  };
}
