import { types } from 'node:util';

/** An error as it is stored: plain data, bounded in size. */
export interface ErrorRecord {
  /** The class name of the error, or `'NonError'` when something else was thrown. */
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorRecord;
  /** Extra data that the error offered, such as field errors of a validation. */
  readonly details?: unknown;
}

/** One failed attempt in a job's history. */
export interface JobErrorRecord extends ErrorRecord {
  /** Which claim of the job failed. */
  readonly attempt: number;
  /** Epoch milliseconds by the store's clock. */
  readonly at: number;
}

/** How many failed attempts a job remembers; older ones are dropped. */
export const MAX_ERRORS_KEPT = 10;
/** Longest stored error, in bytes of JSON. */
export const MAX_ERROR_BYTES = 16_384;
/** How many causes deep an error is stored. */
export const MAX_CAUSE_DEPTH = 5;

const MAX_MESSAGE_CHARS = 2_000;
const MAX_STACK_CHARS = 1_500;
const MAX_DETAILS_CHARS = 2_000;

/**
 * Anything that was thrown, as data. Never throws itself, whatever the value's getters, proxies or
 * `toString` do.
 */
export function toErrorRecord(thrown: unknown): ErrorRecord {
  const record = describe(thrown, MAX_CAUSE_DEPTH, new Set());
  return Buffer.byteLength(JSON.stringify(record)) <= MAX_ERROR_BYTES
    ? record
    : { name: record.name, message: record.message };
}

function describe(thrown: unknown, depth: number, seen: Set<unknown>): ErrorRecord {
  try {
    return isError(thrown)
      ? describeError(thrown, depth, seen)
      : { name: 'NonError', message: clip(stringify(thrown), MAX_MESSAGE_CHARS) };
  } catch {
    return { name: 'NonError', message: 'something was thrown that cannot be read' };
  }
}

function describeError(thrown: Error, depth: number, seen: Set<unknown>): ErrorRecord {
  seen.add(thrown);
  const code = read(thrown, 'code');
  const stack = read(thrown, 'stack');
  const cause = read(thrown, 'cause');
  return {
    name: clip(String(thrown.name || 'Error'), 200),
    message: clip(String(thrown.message), MAX_MESSAGE_CHARS),
    ...(typeof code === 'string' || typeof code === 'number' ? { code: clip(String(code), 200) } : {}),
    ...(typeof stack === 'string' ? { stack: clip(stack, MAX_STACK_CHARS) } : {}),
    ...plainDetails(read(thrown, 'details') ?? read(thrown, 'fields')),
    ...(depth > 0 && cause !== undefined && !seen.has(cause) ? { cause: describe(cause, depth - 1, seen) } : {}),
  };
}

/** Errors of another realm, such as those of Node itself under Jest, are no instances of this one's `Error`. */
function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

/** A part that cannot be read is left out: the message says more than none of it. */
function read(thrown: Error, property: 'code' | 'stack' | 'cause' | 'details' | 'fields'): unknown {
  try {
    return (thrown as Readonly<Partial<Record<typeof property, unknown>>>)[property];
  } catch {
    return undefined;
  }
}

function plainDetails(value: unknown): { details?: unknown } {
  if (value === undefined) return {};
  try {
    const text = JSON.stringify(value) as string | undefined;
    return text !== undefined && text.length <= MAX_DETAILS_CHARS ? { details: JSON.parse(text) as unknown } : {};
  } catch {
    return {};
  }
}

function stringify(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null) {
    try {
      return JSON.stringify(value);
    } catch {
      return Object.prototype.toString.call(value);
    }
  }
  return String(value);
}

function clip(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max - 1)}…` : text;
}
