import { type Migration, type MigrationTarget, Migrator, asScript } from '../migrator.js';
import { jobs } from './migrations/0001-jobs.js';
import { workflows } from './migrations/0002-workflows.js';
import type { PgConnection } from './pg-connection.js';
import { type PgSession, type Statement, statement } from './pg-session.js';
import { type Tables, tablesOf } from './tables.js';

/** How long a migration may take, and how long a process waits for another that migrates. */
const LIMIT_MS = 600_000;

/** The schema's history, oldest first. */
function pgMigrations(tables: Tables): readonly Migration[] {
  return [jobs(tables), workflows(tables)];
}

/** Runs the schema's history on PostgreSQL. */
export function createPgMigrator(connection: PgConnection, tables: Tables): Migrator {
  return new Migrator(pgMigrations(tables), new PgMigrationTarget(connection, tables));
}

/**
 * The SQL that {@link createPgMigrator} would run, in one transaction, for somebody else to run.
 *
 * @param schema a plain name
 * @param wanted which migrations, by name
 */
export function pgMigrationScript(schema: string, wanted: (name: string) => boolean): string {
  const tables = tablesOf(schema);
  const statements = pgMigrations(tables)
    .filter(({ name }) => wanted(name))
    .flatMap(({ name, statements }) => [...statements, `${recording(tables)} values ('${name}', ${NOW})`]);
  return asScript([
    'begin',
    lock(tables),
    // As in `exclusively`: `if not exists` wants a right that whoever runs this may lack.
    `do $$ begin
      if not exists (select 1 from pg_namespace where nspname = '${schema}') then create schema ${tables.schema}; end if;
    end $$`,
    recordTable(tables),
    ...statements,
    'commit',
  ]);
}

const NOW = 'floor(extract(epoch from clock_timestamp()) * 1000)::bigint';

function recording({ migrations }: Tables): string {
  return `insert into ${migrations} (name, applied_at)`;
}

function recordTable({ migrations }: Tables): string {
  return `create table if not exists ${migrations} (name text primary key, applied_at bigint not null)`;
}

function lock({ schema }: Tables): string {
  return `select pg_advisory_xact_lock(hashtextextended('nestjs-dispatch ${schema}', 0))`;
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
    this.insert = statement('migration', `${recording(tables)} values ($1, ${NOW})`);
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
      await session.command(lock(this.tables), LIMIT_MS);
      const { schema } = await this.look(session);
      // Asked first: `if not exists` wants the right to create schemas even where it has nothing to do.
      if (!schema) await session.command(`create schema ${this.tables.schema}`);
      await session.command(recordTable(this.tables));
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
