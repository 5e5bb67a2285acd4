import { join } from 'node:path';
import { StoreUnavailableError } from '../../../errors.js';

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Whether another connection holds the lock, so that trying again later can help. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return (code.startsWith('SQLITE_BUSY') && code !== 'SQLITE_BUSY_SNAPSHOT') || code.startsWith('SQLITE_LOCKED');
}

/** Whether a transaction read before another one wrote, so that it can never write itself. */
export function isStaleSnapshot(error: unknown): boolean {
  return codeOf(error) === 'SQLITE_BUSY_SNAPSHOT';
}

/** Whether a table of ours is gone. */
export function isMissingTable(error: unknown): boolean {
  return codeOf(error) === 'SQLITE_ERROR' && /no such table: (main\.)?dispatch_/.test((error as Error).message);
}

const UNAVAILABLE = ['SQLITE_FULL', 'SQLITE_IOERR', 'SQLITE_CANTOPEN', 'SQLITE_READONLY'];

/** Errors of the disk and the file become StoreUnavailableError; all others stay what they are. */
export function translateError(error: unknown, file: string): unknown {
  const code = codeOf(error);
  if (!UNAVAILABLE.some((prefix) => code.startsWith(prefix))) return error;
  return new StoreUnavailableError(`SQLite cannot use ${file}: ${(error as Error).message} (${code}).`, {
    cause: error,
  });
}

/** The error for a database that is a folder: SQLite would say no more than that it is unable to open it. */
export function folderError(folder: string): StoreUnavailableError {
  return new StoreUnavailableError(
    `SQLite cannot use ${folder}: it is a directory, and the database must be a file. Name one in it, such as ${join(folder, 'dispatch.db')}.`,
  );
}

/** The error when a lock was not free in time. */
export function lockedError(file: string, waitedMs: number, cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError(
    `${file} was locked for ${waitedMs} ms: another process, or a transaction of this one, holds SQLite's write lock. ` +
      'If this call was made inside a transaction of your own, pass its manager ({ manager }): without it the call waits for that transaction, which waits for the call.',
    { cause },
  );
}
