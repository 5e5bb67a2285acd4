import { type Duration, toMs } from '../clock/duration.js';
import { InvalidOptionsError } from '../errors.js';

/** @throws InvalidOptionsError when it is not a whole number of at least 1 */
export function checkVersion(value: unknown): number {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > 2_147_483_647) {
    throw new InvalidOptionsError(`"version" must be a whole number of at least 1 (got ${String(value)}).`);
  }
  return value as number;
}

/** A duration in milliseconds. @throws InvalidOptionsError */
export function checkDuration(label: string, value: Duration): number {
  try {
    return toMs(value, label);
  } catch (cause) {
    throw new InvalidOptionsError((cause as Error).message, { cause });
  }
}
