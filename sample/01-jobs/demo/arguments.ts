import { parseArgs } from 'node:util';
import { fromEnvironment } from '../settings.js';

export interface DemoOptions {
  readonly store: 'sqlite' | 'postgres';
  /** How many of the orders to post. */
  readonly orders: number;
  /** Leave the database file, the invoices and the workers' logs where they are. */
  readonly keep: boolean;
}

export const USAGE = `npm run demo -- [--store sqlite|postgres] [--orders 1..1000] [--keep]

  --store   sqlite (default): a file. postgres: the server of DATABASE_URL, or an embedded one without it.
  --orders  how many orders of data/orders.csv to post (default 1000)
  --keep    leave the files of the run where they are`;

/** @returns `null` when the arguments make no sense, or ask for help */
export function parseDemoArguments(args: readonly string[]): DemoOptions | null {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        store: { type: 'string', default: fromEnvironment('DATABASE_URL') ? 'postgres' : 'sqlite' },
        orders: { type: 'string', default: '1000' },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const { store, keep, help } = values;
    const orders = Number(values.orders);
    if (help || !Number.isInteger(orders) || orders < 1 || orders > 1_000) return null;
    return store === 'sqlite' || store === 'postgres' ? { store, orders, keep } : null;
  } catch {
    return null;
  }
}
