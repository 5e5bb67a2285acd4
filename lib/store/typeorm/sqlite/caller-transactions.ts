import { AsyncLocalStorage } from 'node:async_hooks';
import type { Database } from 'better-sqlite3';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { Clock } from '../../../clock/clock.js';
import { InvalidOptionsError, StoreUnavailableError } from '../../../errors.js';
import type { StoreTransaction } from '../../../job/job-store.js';
import type { Wake } from '../../store.js';
import { afterCommit } from '../after-commit.js';
import { joinCallerTransaction } from '../caller-transaction.js';
import { LOCK_DEADLINE_MS, retryBusy } from './retry-busy.js';
import { Session, Tx } from './session.js';
import { isMissingTable, isStaleSnapshot, translateError } from './sqlite-errors.js';
import { serialised, waitForIdleRunner } from './transaction-turns.js';

export interface CallerTransactionsOptions {
  /** The path, for messages. */
  readonly path: string;
  /** The DataSource whose managers may be joined; opened on first use. */
  readonly dataSource: () => Promise<DataSource>;
  readonly clock: Clock | null;
  readonly onWakes: (wakes: readonly Wake[]) => void;
  /** Makes the schema again inside the caller's transaction; false when that is not ours to do. */
  readonly restoreTables: (session: Session) => boolean;
}

/** A no-op that takes the write lock: TypeORM only knows a plain BEGIN. */
const TAKE_WRITE_LOCK = 'UPDATE dispatch_workers SET state = state WHERE 0';

interface OpenTransaction {
  readonly manager: EntityManager;
  active: boolean;
}

/** Writes that commit with the caller's rows, and transactions that are made for them. */
export class CallerTransactions {
  private readonly sessions = new WeakMap<Database, Session>();
  private readonly current = new AsyncLocalStorage<OpenTransaction>();

  constructor(private readonly options: CallerTransactionsOptions) {}

  /**
   * Writes through the caller's connection, under a savepoint: a write that fails leaves the caller's transaction as it
   * was. Wakes follow its outermost commit. `work` may run several times, so it must only touch `tx`.
   *
   * @throws InvalidOptionsError when it is not a manager of our DataSource that is in a transaction
   */
  async join<T>(transaction: StoreTransaction, work: (tx: Tx) => T): Promise<T> {
    const dataSource = await this.options.dataSource();
    const runner = joinCallerTransaction(transaction, dataSource);
    const session = this.sessionOf((await runner.connect()) as Database);
    const { result, wakes } = await this.withoutBlocking(session, () => {
      // Asked again: it may have ended while we waited for a lock.
      joinCallerTransaction(transaction, dataSource);
      return this.underSavepoint(session, work);
    });
    if (wakes.length > 0) afterCommit(dataSource, runner, () => this.options.onWakes(wakes));
    return result;
  }

  /**
   * Runs `fn` in a transaction that holds the write lock from its start, one at a time for a DataSource, whose
   * connection all share. Inside another one it becomes a savepoint of that.
   */
  async run<T>(fn: (manager: EntityManager) => Promise<T>): Promise<T> {
    const outer = this.current.getStore();
    if (outer?.active) return outer.manager.transaction(fn);
    const dataSource = await this.options.dataSource();
    return serialised(dataSource, async () => {
      const runner = dataSource.createQueryRunner();
      await this.begin(runner);
      const open: OpenTransaction = { manager: runner.manager, active: true };
      try {
        const result = await this.current.run(open, () => fn(runner.manager));
        await runner.commitTransaction();
        return result;
      } catch (error) {
        // SQLite itself has ended it on some errors; what matters is the first error.
        if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
        throw error;
      } finally {
        open.active = false;
      }
    });
  }

  private async begin(runner: QueryRunner): Promise<void> {
    const session = this.sessionOf((await runner.connect()) as Database);
    await retryBusy(this.options.path, async () => {
      await waitForIdleRunner(runner, LOCK_DEADLINE_MS);
      await runner.startTransaction();
      try {
        noWaiting(session.db, () => this.restoringTables(session, () => session.sql(TAKE_WRITE_LOCK).run()));
      } catch (error) {
        await runner.rollbackTransaction();
        throw error;
      }
    });
  }

  private async withoutBlocking<T>(session: Session, work: () => T): Promise<T> {
    try {
      return await retryBusy(this.options.path, () => noWaiting(session.db, work));
    } catch (error) {
      if (!isStaleSnapshot(error)) throw translateError(error, this.options.path);
      throw new StoreUnavailableError(
        'your transaction read before another connection wrote, so SQLite lets it write no more. Run it again, or use dispatch.transaction(fn), which takes the write lock first.',
        { cause: error },
      );
    }
  }

  private underSavepoint<T>(
    session: Session,
    work: (tx: Tx) => T,
  ): { readonly result: T; readonly wakes: readonly Wake[] } {
    session.sql('SAVEPOINT dispatch_insert').run();
    try {
      const { tx, result } = this.restoringTables(session, () => {
        const tx = new Tx(session);
        return { tx, result: work(tx) };
      });
      session.sql('RELEASE dispatch_insert').run();
      return { result, wakes: tx.wakes.wakes };
    } catch (error) {
      // SQLite itself ends the transaction on some errors, such as a full disk: then there is no savepoint.
      if (session.db.inTransaction) {
        session.sql('ROLLBACK TO dispatch_insert').run();
        session.sql('RELEASE dispatch_insert').run();
      }
      throw error;
    }
  }

  private restoringTables<T>(session: Session, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isMissingTable(error) || !this.options.restoreTables(session)) throw error;
      return work();
    }
  }

  private sessionOf(db: Database): Session {
    if (typeof db?.prepare !== 'function')
      throw new InvalidOptionsError('"store.dataSource" is not connected: call initialize() first.');
    let session = this.sessions.get(db);
    if (!session) {
      session = new Session(db, this.options.clock);
      this.sessions.set(db, session);
    }
    return session;
  }
}

/** Runs `work` with the connection's own waiting switched off: that would block the event loop. */
function noWaiting<T>(db: Database, work: () => T): T {
  const before = db.pragma('busy_timeout', { simple: true }) as number;
  db.pragma('busy_timeout = 0');
  try {
    return work();
  } finally {
    db.pragma(`busy_timeout = ${before}`);
  }
}
