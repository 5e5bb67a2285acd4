import { access } from 'node:fs/promises';
import type { DispatchLogger } from '../observability/logger.js';
import type { MigrationStatus, Store } from '../store/store.js';
import { createPostgresStore } from '../store/typeorm/postgres/postgres-store.js';
import { loadBetterSqlite } from '../store/typeorm/sqlite/load-drivers.js';
import { isFolder } from '../store/typeorm/sqlite/sqlite-connection.js';
import { SQLITE_MIGRATIONS } from '../store/typeorm/sqlite/sqlite-migrations.js';
import { createSqliteStore } from '../store/typeorm/sqlite/sqlite-store.js';
import { UsageError } from './cli-error.js';
import type { Database } from './database.js';

const silent: DispatchLogger = {
  debug: () => undefined,
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Runs `work` with the store of a database, which is closed afterwards. */
export async function withStore<T>(database: Database, work: (store: Store) => Promise<T>): Promise<T> {
  const store =
    database.type === 'postgres'
      ? createPostgresStore({ ...database, poolSize: 2, listen: false, notify: false, logger: silent })
      : createSqliteStore({ database: database.file, logger: silent });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** The migrations and whether the database has them. Asking changes nothing: a store would make a SQLite file, or switch it to WAL. */
export async function migrationsOf(database: Database): Promise<readonly MigrationStatus[]> {
  if (database.type === 'postgres') return withStore(database, (store) => store.migrations());
  const applied = (await exists(database.file)) ? await appliedTo(database.file) : new Map<string, number>();
  return SQLITE_MIGRATIONS.map(({ name }) => ({ name, appliedAt: applied.get(name) ?? null }));
}

async function appliedTo(file: string): Promise<ReadonlyMap<string, number>> {
  const Database = await loadBetterSqlite();
  const db = new Database(file, { readonly: true, timeout: 5_000 });
  try {
    const tables = db.prepare(
      `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('dispatch_migrations', 'dispatch_jobs')`,
    );
    if (tables.pluck().get() !== 2) return new Map();
    return new Map(db.prepare('SELECT name, applied_at FROM dispatch_migrations').raw().all() as [string, number][]);
  } finally {
    db.close();
  }
}

/** @throws UsageError when the path of a SQLite file is that of a directory */
export async function checkFile(database: Database): Promise<void> {
  if (database.type === 'postgres' || !(await isFolder(database.file))) return;
  throw new UsageError(`--database must be the path of a SQLite file (got a directory, ${database.file}).`);
}

/** Whether there is a file. */
export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
