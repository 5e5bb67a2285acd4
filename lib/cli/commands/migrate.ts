import type { Database } from '../database.js';
import { migrationsOf, withStore } from '../open-store.js';
import type { Output } from '../output.js';

/** Applies what is missing. @returns 0 */
export async function migrate(database: Database, out: Output): Promise<number> {
  const pending = (await migrationsOf(database)).filter(({ appliedAt }) => appliedAt === null);
  await withStore(database, (store) => store.migrate('auto'));
  for (const { name } of pending) out.line(`applied ${name}`);
  out.line(pending.length === 0 ? 'nothing was pending' : `the database is up to date`);
  return 0;
}
