import { InvalidOptionsError } from '../errors.js';

/** Databases store every half of a surrogate pair as the same character, so that two texts would become one. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** Longest name of a job or queue, in characters. */
export const MAX_NAME_LENGTH = 255;
/** Longest unique key or group key, in characters. */
export const MAX_KEY_LENGTH = 512;
/** Longest headers of a job, in characters of JSON. */
export const MAX_HEADERS_LENGTH = 16_384;
/** Most retries of a job. */
export const MAX_RETRIES = 10_000;

function checkText(label: string, value: unknown, max: number): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > max || UNSTORABLE.test(value)) {
    const got = typeof value === 'string' ? `${value.length} characters` : typeof value;
    throw new InvalidOptionsError(
      `"${label}" must be a text of 1 to ${max} characters without NUL or half surrogate pairs (got ${got}).`,
    );
  }
  return value;
}

/** @throws InvalidOptionsError when it cannot name a job or queue */
export const checkName = (label: string, value: unknown): string => checkText(label, value, MAX_NAME_LENGTH);

/** @throws InvalidOptionsError when it cannot be a unique or group key */
export const checkKey = (label: string, value: unknown): string => checkText(label, value, MAX_KEY_LENGTH);

/** @throws InvalidOptionsError when it is not a whole number of 16 bits */
export function checkPriority(value: unknown): number {
  if (!Number.isInteger(value) || (value as number) < -32_768 || (value as number) > 32_767) {
    throw new InvalidOptionsError(
      `"priority" must be a whole number from -32768 to 32767, higher first (got ${String(value)}).`,
    );
  }
  return value as number;
}

/** @throws InvalidOptionsError when it is not a whole number from 0 to {@link MAX_RETRIES} */
export function checkRetries(value: unknown): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > MAX_RETRIES) {
    throw new InvalidOptionsError(
      `"maxRetries" must be a whole number from 0 to ${MAX_RETRIES} (got ${String(value)}).`,
    );
  }
  return value as number;
}

/** @throws InvalidOptionsError when it is not a whole number of at least 1 */
export function checkConcurrency(value: unknown): number {
  if (!Number.isInteger(value) || (value as number) < 1) {
    throw new InvalidOptionsError(
      `"concurrency" must be a whole number of at least 1 (got ${String(value)}). Leave it out for no limit of its own.`,
    );
  }
  return value as number;
}

/** @throws InvalidOptionsError when it is not a small object of texts */
export function checkHeaders(value: unknown): Readonly<Record<string, string>> {
  // By its tag, as the entries of a Map or of fetch's Headers are no properties and would be lost.
  const entries = Object.prototype.toString.call(value) === '[object Object]' ? Object.entries(value as object) : null;
  if (
    !entries ||
    entries.some(([, text]) => typeof text !== 'string') ||
    JSON.stringify(value).length > MAX_HEADERS_LENGTH
  ) {
    throw new InvalidOptionsError(
      `"headers" must be an object of texts, at most ${MAX_HEADERS_LENGTH} characters in all.`,
    );
  }
  return Object.fromEntries(entries.map(([key, text]) => [key.toLowerCase(), text as string]));
}
