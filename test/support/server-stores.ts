import type { Store } from '../../lib/store/store.js';
import { createPostgresStore } from '../../lib/store/typeorm/postgres/postgres-store.js';
import { createSqliteStore } from '../../lib/store/typeorm/sqlite/sqlite-store.js';
import { createPostgresDatabase } from './postgres-database.js';
import { SqliteFiles } from './sqlite-files.js';

/** A database that several processes can share. */
export interface SharedDatabase {
  /** The `store` option of every process. */
  readonly store:
    { readonly type: 'sqlite'; readonly database: string } | { readonly type: 'postgres'; readonly url: string };
  /** A store of this process on it. */
  open(): Store;
  remove(): Promise<void>;
}

async function createSqlite(): Promise<SharedDatabase> {
  const files = new SqliteFiles();
  const database = await files.create();
  return {
    store: { type: 'sqlite', database },
    open: () => createSqliteStore({ database }),
    remove: () => files.remove(),
  };
}

async function createPostgres(): Promise<SharedDatabase> {
  const { url, drop } = await createPostgresDatabase();
  return { store: { type: 'postgres', url }, open: () => createPostgresStore({ url }), remove: drop };
}

/** The stores that processes can share, by name. */
export const sharedDatabases: readonly (readonly [string, () => Promise<SharedDatabase>])[] = [
  ['SQLite', createSqlite],
  ['PostgreSQL', createPostgres],
];
