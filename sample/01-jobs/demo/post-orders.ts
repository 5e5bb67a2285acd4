import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import type { CreateOrderDto } from '../orders/create-order.dto.js';

/** The file lies beside the sources: the compiler copies no data. */
const ORDERS_CSV = new URL('../../../../sample/01-jobs/data/orders.csv', import.meta.url);
/** Requests under way at a time. */
const CONNECTIONS = 16;
const NUMBERS: readonly unknown[] = ['quantity', 'unitPriceCents'];

/** The first `count` orders of the file. */
export async function readOrders(count: number): Promise<readonly CreateOrderDto[]> {
  const rows = parse<CreateOrderDto>(await readFile(ORDERS_CSV), {
    columns: true,
    to: count,
    cast: (value, { column }) => (NUMBERS.includes(column) ? Number(value) : value),
  });
  if (rows.length < count) throw new Error(`orders.csv has ${rows.length} orders, not ${count}`);
  return rows;
}

/**
 * Posts orders, several at a time.
 *
 * @param signal ends it
 * @returns the ids that the application gave them
 * @throws Error when it refuses one, or the signal fired
 */
export async function postOrders(
  baseUrl: string,
  orders: readonly CreateOrderDto[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ids: string[] = [];
  const waiting = orders.values();
  const connection = async (): Promise<void> => {
    for (const order of waiting) {
      const response = await fetch(new URL('/orders', baseUrl), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(order),
        signal,
      });
      if (response.status !== 201) {
        throw new Error(`POST /orders answered ${response.status}: ${await response.text()}`);
      }
      ids.push(((await response.json()) as { id: string }).id);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  return ids;
}
