import type { Database } from 'better-sqlite3';
import { type Migration, type MigrationTarget, asScript } from '../migrator.js';
import { jobsMigration } from './migrations/0001-jobs.js';
import { workflowsMigration } from './migrations/0002-workflows.js';
import type { Session } from './session.js';
import type { SqliteConnection } from './sqlite-connection.js';

/** The schema's history, oldest first. */
export const SQLITE_MIGRATIONS: readonly Migration[] = [jobsMigration, workflowsMigration];

const RECORD_TABLE =
  'CREATE TABLE IF NOT EXISTS dispatch_migrations (name TEXT PRIMARY KEY NOT NULL, applied_at INTEGER NOT NULL) WITHOUT ROWID';

/**
 * The SQL of migrations in one transaction, for somebody else to run with the `sqlite3` program of any version.
 *
 * @param wanted which migrations, by name
 */
export function sqliteMigrationScript(wanted: (name: string) => boolean): string {
  const now = `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`;
  return asScript([
    'PRAGMA journal_mode = WAL',
    'BEGIN IMMEDIATE',
    RECORD_TABLE,
    ...SQLITE_MIGRATIONS.filter(({ name }) => wanted(name)).flatMap(({ name, statements }) => [
      ...statements,
      `INSERT OR REPLACE INTO dispatch_migrations (name, applied_at) VALUES ('${name}', ${now})`,
    ]),
    'COMMIT',
  ]);
}

interface Applied {
  readonly name: string;
  readonly appliedAt: number;
}

/** The migrations of a SQLite file, run under its write lock. */
export function migrationTarget(connection: SqliteConnection): MigrationTarget {
  return {
    applied: () => connection.read((tx) => (hasTables(tx) ? readApplied(tx) : null)),
    exclusively: (work) =>
      connection.exclusively(async (session) => {
        session.db.exec(RECORD_TABLE);
        await work({
          applied: () => Promise.resolve(appliedNames(session)),
          apply: (migration) => Promise.resolve().then(() => apply(session, migration)),
        });
      }),
  };
}

/**
 * Makes the whole schema at once, inside the transaction that `session` is in: for a caller's transaction that
 * finds the tables dropped.
 */
export function restoreSchema(session: Session): void {
  session.db.exec(RECORD_TABLE);
  const done = new Set(appliedNames(session));
  for (const migration of SQLITE_MIGRATIONS) if (!done.has(migration.name)) apply(session, migration);
}

type Statements = Pick<Session, 'sql'>;

/** The record alone proves nothing: an application may have dropped the tables that it speaks of. */
function hasTables(on: Statements): boolean {
  const { found } = on
    .sql<{ found: number }>(
      `SELECT count(*) AS found FROM sqlite_master WHERE type = 'table' AND name IN ('dispatch_migrations', 'dispatch_jobs')`,
    )
    .get()!;
  return found === 2;
}

function readApplied(on: Statements): readonly Applied[] {
  return on.sql<Applied>('SELECT name, applied_at AS appliedAt FROM dispatch_migrations').all();
}

function appliedNames(session: Session): readonly string[] {
  return hasTables(session) ? readApplied(session).map(({ name }) => name) : [];
}

function apply(session: Session, migration: Migration): void {
  const db: Database = session.db;
  for (const statement of migration.statements) db.exec(statement);
  session
    .sql('INSERT OR REPLACE INTO dispatch_migrations (name, applied_at) VALUES (?, ?)')
    .run(migration.name, session.now());
}
