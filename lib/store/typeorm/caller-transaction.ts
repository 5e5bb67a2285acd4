import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { InvalidOptionsError } from '../../errors.js';
import type { StoreTransaction } from '../../job/job-store.js';

/**
 * The query runner of a caller's transaction, after checking that a write through it can commit with the
 * caller's rows.
 *
 * @param transaction what the caller passed as `manager`
 * @param dataSource where the store lives
 * @throws InvalidOptionsError when it is no EntityManager, belongs to another DataSource or is not in a transaction
 */
export function joinCallerTransaction(transaction: StoreTransaction, dataSource: DataSource): QueryRunner {
  const manager = transaction as Partial<EntityManager>;
  // TypeORM 0.3 calls it `connection`.
  const owner = manager.dataSource ?? (manager as { readonly connection?: DataSource }).connection;
  if (!owner) {
    throw new InvalidOptionsError(
      '"manager" must be the EntityManager of a transaction, as TypeORM hands it to dataSource.transaction((manager) => ...).',
    );
  }
  if (owner !== dataSource) {
    throw new InvalidOptionsError(
      '"manager" belongs to another DataSource than the store of Dispatch, so the two could not commit together. Pass that DataSource as store: { dataSource }.',
    );
  }
  const runner = manager.queryRunner;
  if (!runner?.isTransactionActive) {
    throw new InvalidOptionsError(
      '"manager" is not in a transaction. Pass the manager that dataSource.transaction((manager) => ...) hands you, or leave it out to commit at once.',
    );
  }
  return runner;
}
