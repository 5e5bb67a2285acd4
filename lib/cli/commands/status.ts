import type { Database } from '../database.js';
import { migrationsOf } from '../open-store.js';
import type { Output } from '../output.js';

/** Lists migrations. @returns 1 when some are pending */
export async function status(database: Database, out: Output): Promise<number> {
  const migrations = await migrationsOf(database);
  for (const { name, appliedAt } of migrations) {
    out.line(appliedAt === null ? `pending  ${name}` : `applied  ${name}  ${new Date(appliedAt).toISOString()}`);
  }
  const pending = migrations.filter(({ appliedAt }) => appliedAt === null).length;
  out.line(
    pending === 0
      ? 'the database is up to date'
      : `${pending} pending: run nestjs-dispatch migrate, or have the output of nestjs-dispatch sql applied`,
  );
  return pending === 0 ? 0 : 1;
}
