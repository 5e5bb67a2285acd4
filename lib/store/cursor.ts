import { InvalidOptionsError } from '../errors.js';

/** Where a page ended: the last row's time (epoch milliseconds) and id. */
export interface Keyset {
  readonly at: number;
  readonly id: string;
}

/** A keyset as the opaque text that lists hand out. */
export function encodeCursor(keyset: Keyset): string {
  return Buffer.from(`${keyset.at}:${keyset.id}`).toString('base64url');
}

/**
 * @param prefix of the ids that the list has: the cursor of another list would begin at any place of this one
 * @throws InvalidOptionsError when the text is not a cursor that {@link encodeCursor} made for such a list
 */
export function decodeCursor(cursor: string, prefix: string): Keyset {
  const text = typeof cursor === 'string' ? Buffer.from(cursor, 'base64url').toString('utf8') : '';
  const match = /^(\d{1,16}):([a-z]+_[0-9a-z]{26})$/.exec(text);
  if (!match)
    throw new InvalidOptionsError('"cursor" is not valid: pass the text that the previous page returned, unchanged.');
  const id = match[2]!;
  if (!id.startsWith(`${prefix}_`)) {
    throw new InvalidOptionsError(
      '"cursor" is one of another list: pass the text that the previous page of this list returned.',
    );
  }
  return { at: Number(match[1]), id };
}

/** Rows of a list when `limit` is left out. */
export const DEFAULT_PAGE = 50;
/** Most rows of a list. */
export const MAX_PAGE = 1_000;

/** @throws InvalidOptionsError when it is not a whole number from 0 to {@link MAX_PAGE} */
export function checkLimit(limit: number = DEFAULT_PAGE): number {
  if (!Number.isInteger(limit) || limit < 0 || limit > MAX_PAGE) {
    throw new InvalidOptionsError(`"limit" must be a whole number from 0 to ${MAX_PAGE} (got ${String(limit)}).`);
  }
  return limit;
}

/** @throws InvalidOptionsError when it is not a whole number of at least 0 */
export function checkOffset(offset = 0): number {
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new InvalidOptionsError(`"offset" must be a whole number of at least 0 (got ${String(offset)}).`);
  }
  return offset;
}

/** Stores write it into SQL, so it has to be one of the two. @throws InvalidOptionsError */
export function checkOrder(order: 'asc' | 'desc' = 'desc'): 'asc' | 'desc' {
  if (order !== 'asc' && order !== 'desc') {
    throw new InvalidOptionsError(`"order" must be 'asc' or 'desc' (got ${JSON.stringify(order)}).`);
  }
  return order;
}

/** Log lines of a list when `limit` is left out. */
export const DEFAULT_LOG_LINES = 1_000;

/** @throws InvalidOptionsError when it is not a whole number of at least 0 */
export function checkLogLimit(limit: number = DEFAULT_LOG_LINES): number {
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw new InvalidOptionsError(`"limit" must be a whole number of at least 0 (got ${String(limit)}).`);
  }
  return limit;
}
