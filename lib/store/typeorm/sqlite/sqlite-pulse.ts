import { resolve } from 'node:path';
import type { PulseSource } from '../../../cluster/cluster-store.js';
import type { WorkerId } from '../../../id/ids.js';
import { type DispatchLogger, errorText } from '../../../observability/logger.js';
import type { SqliteFileOptions } from './sqlite-options.js';

const NOW = `CAST(round(unixepoch('subsec') * 1000) AS INTEGER)`;

/**
 * What a thread needs to renew a lease with a connection of its own.
 *
 * @returns `undefined`, and a line in the log, when the file needs a driver or a key of the application's
 */
export async function sqlitePulse(
  file: SqliteFileOptions,
  worker: { readonly id: WorkerId; readonly leaseMs: number },
  logger: DispatchLogger,
): Promise<PulseSource | undefined> {
  const ownWay = (['driver', 'key', 'nativeBinding', 'prepareDatabase'] as const).find((option) => file[option]);
  if (ownWay) {
    logger.warn(
      `the lease is kept by the main thread alone: "${ownWay}" of the DataSource cannot be handed to a thread`,
    );
    return undefined;
  }
  try {
    const { resolveDriver } = await import('../resolve-driver.js');
    return {
      driver: 'better-sqlite3',
      driverPath: resolveDriver('better-sqlite3'),
      connection: { database: resolve(file.database) },
      statement: `UPDATE dispatch_workers SET lease_expires_at = ${NOW} + ?, last_seen = ${NOW} WHERE id = ? AND state <> 'dead'`,
      values: [worker.leaseMs, worker.id],
    };
  } catch (error) {
    logger.warn(`the lease is kept by the main thread alone: ${errorText(error)}`);
    return undefined;
  }
}
