import type { Clock } from './clock.js';

/** Node truncates longer timeouts to one millisecond: they are made of several. */
const LONGEST_TIMEOUT = 2_147_483_647;

/** The machine's clock, timers and random source. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  setTimer(ms, callback, options) {
    let timeout: NodeJS.Timeout;
    const wait = (left: number): void => {
      const part = Math.min(Math.max(0, left), LONGEST_TIMEOUT);
      timeout = setTimeout(left > part ? () => wait(left - part) : callback, part);
      if (!options?.keepAlive) timeout.unref();
    };
    wait(ms);
    return { cancel: () => clearTimeout(timeout) };
  },
  overridesStore: false,
};
