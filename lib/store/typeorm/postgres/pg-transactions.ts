import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { StoreClosedError } from '../../../errors.js';
import type { StoreTransaction } from '../../../job/job-store.js';
import { afterCommit } from '../after-commit.js';
import { joinCallerTransaction } from '../caller-transaction.js';
import type { PgConnection } from './pg-connection.js';
import { translateError } from './pg-errors.js';
import type { PgSession, Queryable } from './pg-session.js';

/** Connections for callers' transactions where there is no DataSource of the application's. */
const POOL_SIZE = 5;

/** Transactions of callers: the application's own, or ours on connections that the engine does not use. */
export class PgTransactions {
  private own: Promise<DataSource> | undefined;
  /** The last write of each transaction: savepoints of two at the same time would undo each other. */
  private readonly turns = new WeakMap<QueryRunner, Promise<unknown>>();
  private closed = false;

  /** @param application the DataSource that callers' managers belong to, if the store lives in one */
  constructor(
    private readonly connection: PgConnection,
    private readonly application: DataSource | undefined,
  ) {}

  async run<T>(fn: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    if (this.closed) throw new StoreClosedError();
    const dataSource = await this.dataSource();
    return dataSource.transaction((manager: EntityManager) => fn(manager));
  }

  /**
   * Writes with the caller's rows. A failed write is undone alone: the caller's transaction stays usable.
   *
   * @param write runs on the caller's connection
   * @param committed called after the outermost commit
   * @throws InvalidOptionsError when the manager is not in a transaction of this database
   */
  async join<T>(
    transaction: StoreTransaction,
    write: (session: PgSession) => Promise<T>,
    committed: (result: T) => void,
  ): Promise<T> {
    if (this.closed) throw new StoreClosedError();
    const dataSource = await this.dataSource();
    const runner = joinCallerTransaction(transaction, dataSource);
    try {
      const session = this.connection.session((await runner.connect()) as Queryable);
      const before = this.turns.get(runner) ?? Promise.resolve();
      const turn = before.catch(() => undefined).then(() => withSavepoint(session, () => write(session)));
      this.turns.set(runner, turn);
      const result = await turn;
      afterCommit(dataSource, runner, () => committed(result));
      return result;
    } catch (error) {
      throw translateError(error);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    const own = await this.own?.catch(() => undefined);
    this.own = undefined;
    await own?.destroy();
  }

  private dataSource(): Promise<DataSource> {
    if (this.application) return Promise.resolve(this.application);
    this.own ??= this.connection.newDataSource(POOL_SIZE).catch((error: unknown) => {
      this.own = undefined;
      throw translateError(error);
    });
    return this.own;
  }
}

async function withSavepoint<T>(session: PgSession, work: () => Promise<T>): Promise<T> {
  await session.command('SAVEPOINT dispatch_insert');
  try {
    const result = await work();
    await session.command('RELEASE SAVEPOINT dispatch_insert');
    return result;
  } catch (error) {
    await session.command('ROLLBACK TO SAVEPOINT dispatch_insert').catch(() => undefined);
    throw error;
  }
}
