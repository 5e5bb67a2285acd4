import type { DataSource } from 'typeorm';
import type { Clock } from '../../../clock/clock.js';
import { InvalidOptionsError } from '../../../errors.js';
import type { DispatchLogger } from '../../../observability/logger.js';

interface CommonSqliteOptions {
  /** Takes the place of SQLite's own time when `overridesStore` is set: for tests. */
  readonly clock?: Clock;
  /**
   * How hard a commit of the engine is written. `full` (default): on disk when the call returns. `normal`: safe
   * against a crash of the process; a power failure may lose the last moments. Commits of a `manager` follow the
   * setting of the connection that the manager uses.
   */
  readonly synchronous?: 'full' | 'normal';
  /** Where warnings go; the console when left out. */
  readonly logger?: DispatchLogger;
}

/**
 * Options of a SQLite store: a file of its own, or the application's TypeORM DataSource of type
 * `better-sqlite3`, whose file then also holds the tables of Dispatch. The engine opens its own connection to the
 * file in both cases, and switches the file to WAL.
 */
export type SqliteStoreOptions =
  | (CommonSqliteOptions & {
      /** Path of the file; it and its directory are created when missing. */
      readonly database: string;
    })
  | (CommonSqliteOptions & { readonly dataSource: DataSource });

/** What TypeORM needs to open a connection to the file like the application's. */
export interface SqliteFileOptions {
  readonly database: string;
  readonly driver?: unknown;
  readonly key?: string;
  readonly nativeBinding?: string;
  readonly prepareDatabase?: (db: unknown) => void | Promise<void>;
}

/**
 * Checks the options and returns how to open the file.
 *
 * @throws InvalidOptionsError when the DataSource is of another type or read-only, the database is in memory, or
 *   an option has an unknown value
 */
export function toFileOptions(options: SqliteStoreOptions): SqliteFileOptions {
  const { synchronous } = options;
  if (synchronous !== undefined && synchronous !== 'full' && synchronous !== 'normal') {
    throw new InvalidOptionsError(
      `"store.synchronous" must be 'full' or 'normal' (got ${JSON.stringify(synchronous)}).`,
    );
  }
  if ('dataSource' in options) return fileOfDataSource(options.dataSource);
  return { database: checkPath(options.database, 'store.database') };
}

function fileOfDataSource(dataSource: DataSource): SqliteFileOptions {
  const { options } = dataSource;
  if (options.type !== 'better-sqlite3') {
    throw new InvalidOptionsError(
      `"store.dataSource" must be of type 'better-sqlite3' (got ${JSON.stringify(options.type)}).`,
    );
  }
  if (options.readonly) {
    throw new InvalidOptionsError(
      '"store.dataSource" is opened with readonly: true, so that no job could be written. Leave "readonly" out.',
    );
  }
  return {
    database: checkPath(options.database, 'store.dataSource.options.database'),
    driver: options.driver as unknown,
    key: options.key,
    nativeBinding: options.nativeBinding,
    prepareDatabase: options.prepareDatabase,
  };
}

function checkPath(database: unknown, label: string): string {
  if (typeof database !== 'string' || database === '') {
    throw new InvalidOptionsError(
      `"${label}" must be the path of a file (got ${JSON.stringify(database)}). For tests use store: { type: 'memory' }.`,
    );
  }
  if (isAddress(database)) {
    // The text is not shown: it may hold a password.
    throw new InvalidOptionsError(
      `"${label}" must be the path of a file (got an address). For a PostgreSQL database use store: { type: 'postgres', url }.`,
    );
  }
  if (database.includes(':memory:') || /[?&]mode=memory\b/.test(database)) throw inMemory(label, database);
  return database;
}

/** Taken for a path, it would become a folder that is named by it, password and all. */
function isAddress(database: string): boolean {
  return /^\w[\w+.-]*:\/\//.test(database);
}

/** The error for a database that has no file. */
export function inMemory(label: string, database: string): InvalidOptionsError {
  return new InvalidOptionsError(
    `"${label}" must be the path of a file: an in-memory database belongs to one connection, and the engine needs its own (got ${JSON.stringify(database)}). For tests use store: { type: 'memory' }.`,
  );
}
