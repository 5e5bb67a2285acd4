import { pgMigrationScript } from '../../store/typeorm/postgres/pg-migrations.js';
import { sqliteMigrationScript } from '../../store/typeorm/sqlite/sqlite-migrations.js';
import type { Arguments } from '../arguments.js';
import { UsageError } from '../cli-error.js';
import { migrationsOf } from '../open-store.js';
import type { Output } from '../output.js';

/** Prints SQL: all of it without a database, what is pending with one. @returns 0 */
export async function sql({ database, type, schema, all }: Arguments, out: Output): Promise<number> {
  if (type === undefined) {
    throw new UsageError(
      'sql needs --type postgres or --type sqlite, or a database (--url, --database, DATABASE_URL).',
    );
  }
  const pending = new Set<string>();
  const everything = all || database === undefined;
  if (!everything) {
    for (const { name, appliedAt } of await migrationsOf(database)) if (appliedAt === null) pending.add(name);
    if (pending.size === 0) {
      out.line('-- nothing is pending');
      return 0;
    }
  }
  const wanted = (name: string): boolean => everything || pending.has(name);
  out.line(type === 'postgres' ? pgMigrationScript(schema, wanted) : sqliteMigrationScript(wanted));
  return 0;
}
