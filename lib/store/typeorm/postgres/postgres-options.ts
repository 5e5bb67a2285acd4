import type { DataSource, DataSourceOptions } from 'typeorm';
import type { Clock } from '../../../clock/clock.js';
import { type Duration, toMs } from '../../../clock/duration.js';
import { InvalidOptionsError } from '../../../errors.js';
import type { DispatchLogger } from '../../../observability/logger.js';

interface CommonPostgresOptions {
  /**
   * The schema of our tables. Default `dispatch`: a schema of our own, since TypeORM's `dropSchema` drops every table
   * of the schemas that the application uses.
   */
  readonly schema?: string;
  /** Connections of the engine's own pool; one more listens. Default 4. */
  readonly poolSize?: number;
  /** How long a call may take before it fails with StoreUnavailableError. Default 5 s. */
  readonly callTimeout?: Duration;
  /**
   * How other processes are heard: on a connection to the same address (`true`, default), on one to this URL (where the
   * pool goes through a proxy such as pgbouncer, which cannot LISTEN), or not at all (`false`): then polling alone
   * finds their work.
   */
  readonly listen?: boolean | string;
  /** Tell other processes of new work by NOTIFY. Default true. */
  readonly notify?: boolean;
  /** Prepare statements by name. Switch it off where a proxy shares connections between clients. Default true. */
  readonly preparedStatements?: boolean;
  /** Takes the place of the database's time when `overridesStore` is set: for tests. */
  readonly clock?: Clock;
  /** Where warnings go; the console when left out. */
  readonly logger?: DispatchLogger;
}

/**
 * Options of a PostgreSQL store: a database by URL, or the application's TypeORM DataSource of type `postgres`. The
 * engine has a small pool of its own in both cases; only calls with `manager` use the application's.
 */
export type PostgresStoreOptions =
  | (CommonPostgresOptions & {
      /** Such as `postgres://user:password@host:5432/database`. */
      readonly url: string;
      /** As `pg` takes it. */
      readonly ssl?: boolean | object;
    })
  | (CommonPostgresOptions & { readonly dataSource: DataSource });

/** Options after defaults and checks; times in milliseconds. */
export interface ResolvedPostgresOptions {
  readonly schema: string;
  readonly poolSize: number;
  readonly callTimeoutMs: number;
  readonly listen: boolean | string;
  readonly notify: boolean;
  readonly preparedStatements: boolean;
  /** How to open a connection like the application's. */
  readonly connection: DataSourceOptions;
}

/** @throws InvalidOptionsError naming the option, the value received and what to do */
export function resolvePostgresOptions(options: PostgresStoreOptions): ResolvedPostgresOptions {
  const { schema = 'dispatch', poolSize = 4, callTimeout = 5_000 } = options;
  if (typeof schema !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(schema)) {
    throw new InvalidOptionsError(
      `"store.schema" must be 1 to 48 letters, digits and underscores, not beginning with a digit (got ${JSON.stringify(schema)}).`,
    );
  }
  if (!Number.isInteger(poolSize) || poolSize < 2) {
    throw new InvalidOptionsError(`"store.poolSize" must be a whole number of at least 2 (got ${String(poolSize)}).`);
  }
  return {
    schema,
    poolSize,
    callTimeoutMs: checkTimeout(callTimeout),
    listen: checkListen(options.listen),
    notify: checkSwitch('notify', options.notify),
    preparedStatements: checkSwitch('preparedStatements', options.preparedStatements),
    connection: 'dataSource' in options ? ofDataSource(options.dataSource) : ofUrl(options.url, options.ssl),
  };
}

function checkTimeout(callTimeout: Duration): number {
  let ms: number;
  try {
    ms = toMs(callTimeout, 'store.callTimeout');
  } catch (cause) {
    throw new InvalidOptionsError((cause as Error).message, { cause });
  }
  if (ms < 100) throw new InvalidOptionsError(`"store.callTimeout" must be at least 100 ms (got ${ms} ms).`);
  return ms;
}

function checkSwitch(name: string, value: unknown = true): boolean {
  if (typeof value !== 'boolean')
    throw new InvalidOptionsError(`"store.${name}" must be true or false (got ${JSON.stringify(value)}).`);
  return value;
}

function checkListen(value: unknown = true): boolean | string {
  if (typeof value === 'boolean' || isUrl(value)) return value;
  // The text is not shown: it may hold a password.
  throw new InvalidOptionsError(
    `"store.listen" must be true, false or a text such as postgres://user:password@host:5432/database (got ${typeof value}).`,
  );
}

function isUrl(value: unknown): value is string {
  return typeof value === 'string' && /^postgres(ql)?:\/\//.test(value);
}

function ofUrl(url: unknown, ssl: unknown): DataSourceOptions {
  if (!isUrl(url)) {
    // The text is not shown: it may hold a password.
    throw new InvalidOptionsError('"store.url" must be a text such as postgres://user:password@host:5432/database.');
  }
  return { type: 'postgres', url, ...(ssl === undefined ? {} : { ssl: ssl as boolean }) };
}

function ofDataSource(dataSource: DataSource): DataSourceOptions {
  if (dataSource.options.type !== 'postgres') {
    throw new InvalidOptionsError(
      `"store.dataSource" must be of type 'postgres' (got ${JSON.stringify(dataSource.options.type)}).`,
    );
  }
  return dataSource.options;
}
