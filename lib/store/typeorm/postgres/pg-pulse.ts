import type { PulseSource } from '../../../cluster/cluster-store.js';
import type { WorkerId } from '../../../id/ids.js';
import { type DispatchLogger, errorText } from '../../../observability/logger.js';
import { toUuid } from './rows.js';
import type { Tables } from './tables.js';

/**
 * What a thread needs to renew a lease with a connection of its own.
 *
 * @param connection as `pg` takes it
 * @returns `undefined`, and a line in the log, when the options cannot be handed to a thread, such as a password that is a function
 */
export async function pgPulse(
  tables: Tables,
  connection: object,
  worker: { readonly id: WorkerId; readonly leaseMs: number },
  logger: DispatchLogger,
): Promise<PulseSource | undefined> {
  try {
    const { resolveDriver } = await import('../resolve-driver.js');
    return {
      driver: 'pg',
      driverPath: resolveDriver('pg'),
      connection: structuredClone(connection),
      statement: `update ${tables.workers}
        set lease_expires_at = floor(extract(epoch from clock_timestamp()) * 1000)::bigint + $2::bigint,
            last_seen = floor(extract(epoch from clock_timestamp()) * 1000)::bigint
        where id = $1 and state <> 'dead'`,
      values: [toUuid(worker.id), worker.leaseMs],
    };
  } catch (error) {
    // What cannot be cloned is quoted in the error: the source of a function, with whatever secret is in it.
    const why =
      error instanceof DOMException ? 'its options hold a function or an object with methods' : errorText(error);
    logger.warn(`the lease is kept by the main thread alone, as its connection cannot be handed to a thread: ${why}`);
    return undefined;
  }
}
