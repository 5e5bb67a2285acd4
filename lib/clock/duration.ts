/** A length of time: milliseconds, or a text such as `'500ms'`, `'30s'`, `'5m'`, `'2h'`, `'1d'`, `'1w'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd' | 'w'}`;

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A hundred years: longer ones are mistakes, and more than a store can add to its clock. */
const LONGEST_MS = 36_525 * 86_400_000;

/**
 * A duration in whole milliseconds.
 *
 * @param duration what to convert
 * @param label what the duration is for, named in the error
 * @throws {TypeError} when it is negative, longer than a hundred years or not of a known form
 */
export function toMs(duration: Duration, label = 'duration'): number {
  const ms = typeof duration === 'number' ? duration : parse(duration);
  if (!(ms >= 0 && ms <= LONGEST_MS)) {
    throw new TypeError(
      `"${label}" must be milliseconds or a text such as '30s', '5m', '2h' or '1d', not negative, at most 100 years (got ${shown(duration)}).`,
    );
  }
  return Math.round(ms);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'number' || value === null ? String(value) : typeof value;
}

function parse(text: unknown): number {
  const match = typeof text === 'string' ? /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)$/.exec(text) : null;
  return match ? Number(match[1]) * UNIT_MS[match[2]!]! : Number.NaN;
}
