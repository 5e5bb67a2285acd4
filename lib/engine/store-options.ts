import type { Clock } from '../clock/clock.js';
import { InvalidOptionsError } from '../errors.js';
import type { DispatchLogger } from '../observability/logger.js';
import type { Store } from '../store/store.js';
import type { PostgresStoreOptions } from '../store/typeorm/postgres/postgres-options.js';
import type { SqliteStoreOptions } from '../store/typeorm/sqlite/sqlite-options.js';

/** The engine gives every store its own clock and logger. */
type Given<T> = T extends unknown ? Omit<T, 'clock' | 'logger'> : never;

/**
 * Where work is kept: a database of its own, the application's TypeORM DataSource (`{ dataSource }`), or a store
 * written elsewhere.
 */
export type StoreOptions =
  | {
      readonly type: 'memory';
      /** Memory is refused when NODE_ENV is `production`, as every restart loses everything; this accepts that. */
      readonly allowInProduction?: boolean;
    }
  | ({ readonly type: 'sqlite' } & Given<Extract<SqliteStoreOptions, { readonly database: string }>>)
  | ({ readonly type: 'postgres' } & Given<Extract<PostgresStoreOptions, { readonly url: string }>>)
  | Given<Extract<SqliteStoreOptions | PostgresStoreOptions, { readonly dataSource: object }>>
  | Store;

const KNOWN = `{ type: 'memory' }, { type: 'sqlite', database }, { type: 'postgres', url }, { dataSource } or a Store`;

const POSTGRES_OPTIONS = ['schema', 'poolSize', 'callTimeout', 'listen', 'notify', 'preparedStatements'];
const SQLITE_OPTIONS = ['synchronous'];

/** The options beside those that say where a store is, by its type. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  memory: ['type', 'allowInProduction'],
  sqlite: ['type', 'database', ...SQLITE_OPTIONS],
  postgres: ['type', 'url', 'ssl', ...POSTGRES_OPTIONS],
  'postgres in a DataSource': ['type', 'dataSource', ...POSTGRES_OPTIONS],
  'better-sqlite3 in a DataSource': ['type', 'dataSource', ...SQLITE_OPTIONS],
};

/** Another option is a mistake, and most are slips of the keyboard. @throws InvalidOptionsError */
function checkStoreNames(options: object, kind: string): void {
  const known = OPTIONS[kind]!;
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidOptionsError(
      `"store" of type ${kind} has no option "${unknown}". Its options are ${known.join(', ')}.`,
    );
  }
}

/**
 * Checks the form of a `store` option before anything is opened.
 *
 * @throws InvalidOptionsError
 */
export function checkStoreOptions(options: StoreOptions): void {
  if (typeof options !== 'object') throw new InvalidOptionsError(`"store" must be ${KNOWN} (got ${typeof options}).`);
  if ('insertJobs' in options) return;
  if ('dataSource' in options) {
    const { type } = (options.dataSource as { options?: { type?: string } } | undefined)?.options ?? {};
    if (type === 'postgres' || type === 'better-sqlite3') return checkStoreNames(options, `${type} in a DataSource`);
    throw new InvalidOptionsError(
      `"store.dataSource" must be a TypeORM DataSource of type 'postgres' or 'better-sqlite3' (got ${JSON.stringify(type)}).`,
    );
  }
  const { type } = options as { type?: unknown };
  if (type !== 'memory' && type !== 'sqlite' && type !== 'postgres') {
    throw new InvalidOptionsError(`"store" must be ${KNOWN} (got type ${JSON.stringify(type)}).`);
  }
  checkStoreNames(options, type);
  if (options.type === 'memory' && process.env['NODE_ENV'] === 'production' && options.allowInProduction !== true) {
    throw new InvalidOptionsError(
      '"store" is { type: \'memory\' } in production, where every restart would lose all jobs. Use a database, or say allowInProduction: true.',
    );
  }
}

/**
 * Makes the store of a `store` option that {@link checkStoreOptions} accepts. Drivers are loaded on first use.
 *
 * @param clock handed on where it overrides the database's
 */
export async function createStore(options: StoreOptions, clock: Clock, logger: DispatchLogger): Promise<Store> {
  if ('insertJobs' in options) return options;
  if ('dataSource' in options) {
    const { type } = options.dataSource.options;
    return type === 'postgres' ? postgres({ ...options, clock, logger }) : sqlite({ ...options, clock, logger });
  }
  switch (options.type) {
    case 'memory': {
      const { createMemoryStore } = await import('../store/memory/memory-store.js');
      return createMemoryStore({ clock });
    }
    case 'sqlite':
      return sqlite({ ...options, clock, logger });
    case 'postgres':
      return postgres({ ...options, clock, logger });
  }
}

async function sqlite(options: SqliteStoreOptions): Promise<Store> {
  const { createSqliteStore } = await import('../store/typeorm/sqlite/sqlite-store.js');
  return createSqliteStore(options);
}

async function postgres(options: PostgresStoreOptions): Promise<Store> {
  const { createPostgresStore } = await import('../store/typeorm/postgres/postgres-store.js');
  return createPostgresStore(options);
}
