import { type Migration, type MigrationTarget, Migrator } from '../migrator.js';
import { jobs } from './migrations/0001-jobs.js';
import type { PgConnection } from './pg-connection.js';
import { type PgSession, type Statement, statement } from './pg-session.js';
import type { Tables } from './tables.js';

/** How long a migration may take, and how long a process waits for another that migrates. */
const LIMIT_MS = 600_000;

/** The schema's history on PostgreSQL. */
export function createPgMigrator(connection: PgConnection, tables: Tables): Migrator {
  return new Migrator([jobs(tables)], new PgMigrationTarget(connection, tables));
}

class PgMigrationTarget implements MigrationTarget {
  // By the catalog's rows: functions such as to_regclass answer from a cache that a wait for a lock does not renew.
  private readonly exists = statement(
    'migrated',
    `select exists (select 1 from pg_tables where schemaname = $1 and tablename = 'dispatch_migrations'),
      exists (select 1 from pg_namespace where nspname = $1)`,
  );
  private readonly select: Statement;
  private readonly insert: Statement;

  constructor(
    private readonly connection: PgConnection,
    private readonly tables: Tables,
  ) {
    this.select = statement('migrations', `select name, applied_at from ${tables.migrations} order by name`);
    this.insert = statement(
      'migration',
      `insert into ${tables.migrations} (name, applied_at)
       values ($1, floor(extract(epoch from clock_timestamp()) * 1000)::bigint)`,
    );
  }

  applied(): Promise<readonly { readonly name: string; readonly appliedAt: number }[] | null> {
    return this.connection.run(async (session) => {
      const { table } = await this.look(session);
      return table ? this.list(session) : null;
    });
  }

  exclusively(work: Parameters<MigrationTarget['exclusively']>[0]): Promise<void> {
    return this.connection.transaction(async (session) => {
      await session.command(`set local statement_timeout = ${LIMIT_MS}`);
      const lock = `select pg_advisory_xact_lock(hashtextextended('nestjs-dispatch ${this.tables.schema}', 0))`;
      await session.command(lock, LIMIT_MS);
      const { schema } = await this.look(session);
      // Asked first: `if not exists` wants the right to create schemas even where it has nothing to do.
      if (!schema) await session.command(`create schema ${this.tables.schema}`);
      await session.command(
        `create table if not exists ${this.tables.migrations} (name text primary key, applied_at bigint not null)`,
      );
      await work({
        applied: async () => (await this.list(session)).map(({ name }) => name),
        apply: (migration) => this.apply(session, migration),
      });
    });
  }

  private async look(session: PgSession): Promise<{ readonly table: boolean; readonly schema: boolean }> {
    const row = await session.row<[boolean, boolean]>(this.exists, [this.tables.name]);
    return { table: row?.[0] ?? false, schema: row?.[1] ?? false };
  }

  private async list(session: PgSession): Promise<{ readonly name: string; readonly appliedAt: number }[]> {
    const rows = await session.rows<[string, number]>(this.select, []);
    return rows.map(([name, appliedAt]) => ({ name, appliedAt }));
  }

  private async apply(session: PgSession, migration: Migration): Promise<void> {
    for (const text of migration.statements) await session.command(text, LIMIT_MS);
    await session.rows(this.insert, [migration.name]);
  }
}
