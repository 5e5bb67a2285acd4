import type { DataSource, QueryRunner } from 'typeorm';
import { StoreUnavailableError } from '../../../errors.js';
import { pause } from './retry-busy.js';

const turns = new WeakMap<DataSource, Promise<unknown>>();

/** Runs `work` after all earlier ones of this DataSource have ended, whatever store asked for them. */
export async function serialised<T>(dataSource: DataSource, work: () => Promise<T>): Promise<T> {
  const before = turns.get(dataSource) ?? Promise.resolve();
  const mine = before.then(work, work);
  turns.set(
    dataSource,
    mine.catch(() => undefined),
  );
  return mine;
}

/**
 * TypeORM has one connection for a SQLite file: a transaction begun while another is open would become a savepoint
 * of that, and be rolled back with it. So wait until it has ended.
 *
 * @throws StoreUnavailableError when it is still open after `deadlineMs`
 */
export async function waitForIdleRunner(runner: QueryRunner, deadlineMs: number): Promise<void> {
  const started = performance.now();
  while (runner.isTransactionActive) {
    if (performance.now() - started > deadlineMs) {
      throw new StoreUnavailableError(
        `the DataSource has had a transaction open for ${deadlineMs} ms, and SQLite allows one at a time. Inside a transaction of your own, use its manager in place of dispatch.transaction().`,
      );
    }
    await pause(2);
  }
}
