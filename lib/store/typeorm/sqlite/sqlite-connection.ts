import { mkdir, stat } from 'node:fs/promises';
import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database } from 'better-sqlite3';
import type { DataSource } from 'typeorm';
import type { Clock } from '../../../clock/clock.js';
import { StoreClosedError, StoreUnavailableError } from '../../../errors.js';
import type { Wake } from '../../store.js';
import { openDataSource } from './load-drivers.js';
import { retryBusy } from './retry-busy.js';
import { Session, Tx } from './session.js';
import { folderError, isMissingTable, translateError } from './sqlite-errors.js';
import { inMemory, type SqliteFileOptions } from './sqlite-options.js';

export interface SqliteConnectionOptions {
  readonly file: SqliteFileOptions;
  readonly synchronous: 'full' | 'normal';
  /** Takes the place of SQLite's time; `null` for SQLite's. */
  readonly clock: Clock | null;
  /** Called with the file's real path, once it is open. */
  readonly onOpen: (file: string) => void;
  /** Hears what a transaction made known, after its commit. */
  readonly onWakes: (wakes: readonly Wake[]) => void;
  /** Called when our tables are gone; true when they are back and the operation may run again. */
  readonly onMissingTables: () => Promise<boolean>;
}

/**
 * The engine's own connection. Each operation is one synchronous transaction, so that no two of them ever share
 * one; a lock held elsewhere is waited for between tries, never inside SQLite.
 */
export class SqliteConnection {
  private dataSource: DataSource | null = null;
  private session: Session | null = null;
  private opening: Promise<Session> | null = null;
  private barrier: Promise<unknown> | null = null;
  private closed = false;

  constructor(private readonly options: SqliteConnectionOptions) {}

  /** The path as the options give it, for messages. */
  get path(): string {
    return this.options.file.database;
  }

  /** Opens the file on first use. @throws StoreClosedError, StoreUnavailableError */
  async open(): Promise<Session> {
    if (this.closed) throw new StoreClosedError();
    if (this.session) return this.session;
    this.opening ??= this.connect().catch((error: unknown) => {
      this.opening = null;
      throw translateError(error, this.path);
    });
    return this.opening;
  }

  /** Runs `work` under the write lock and commits. It may run several times, so it must only touch `tx`. */
  async write<T>(work: (tx: Tx) => T): Promise<T> {
    return this.run((session) => {
      const { result, wakes } = inTransaction(session, 'BEGIN IMMEDIATE', work);
      if (wakes.length > 0) this.options.onWakes(wakes);
      return result;
    });
  }

  /** Runs `work` on one snapshot of the database, without the write lock. */
  async read<T>(work: (tx: Tx) => T): Promise<T> {
    return this.run((session) => inTransaction(session, 'BEGIN', work).result);
  }

  /** Runs `work`, which may await, in one transaction under the write lock; all other operations wait. */
  async exclusively(work: (session: Session) => Promise<void>): Promise<void> {
    const session = await this.open();
    while (this.barrier) await this.barrier.catch(() => undefined);
    const done = this.holdLock(session, work).finally(() => {
      this.barrier = null;
    });
    this.barrier = done;
    return done;
  }

  /** The session when it is open and free, for a look that may be left out. */
  get idleSession(): Session | null {
    return this.barrier || this.closed ? null : this.session;
  }

  /** Calling it twice is fine. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.barrier?.catch(() => undefined);
    await this.opening?.catch(() => undefined);
    this.session = null;
    await this.dataSource?.destroy();
  }

  private async run<T>(attempt: (session: Session) => T): Promise<T> {
    try {
      return await this.attemptUntilFree(attempt);
    } catch (error) {
      if (!isMissingTable(error) || !(await this.options.onMissingTables())) throw translateError(error, this.path);
      return this.attemptUntilFree(attempt);
    }
  }

  private attemptUntilFree<T>(attempt: (session: Session) => T): Promise<T> {
    return retryBusy(this.path, async () => {
      const session = this.session ?? (await this.open());
      while (this.barrier) await this.barrier.catch(() => undefined);
      if (this.closed) throw new StoreClosedError();
      return attempt(session);
    });
  }

  private async holdLock(session: Session, work: (session: Session) => Promise<void>): Promise<void> {
    await retryBusy(this.path, () => {
      session.sql('BEGIN IMMEDIATE').run();
    });
    try {
      await work(session);
      session.sql('COMMIT').run();
    } catch (error) {
      if (session.db.inTransaction) session.sql('ROLLBACK').run();
      throw translateError(error, this.path);
    }
  }

  private async connect(): Promise<Session> {
    await this.makeDirectory();
    const dataSource = await retryBusy(this.path, () => openDataSource(this.options.file));
    const db = rawDatabase(dataSource);
    try {
      await this.prepare(db);
    } catch (error) {
      await dataSource.destroy();
      throw error;
    }
    this.dataSource = dataSource;
    this.session = new Session(db, this.options.clock);
    this.options.onOpen(databaseFile(db));
    return this.session;
  }

  private async makeDirectory(): Promise<void> {
    if (this.path.startsWith('file:')) return;
    if (await isFolder(this.path)) throw folderError(this.path);
    const directory = dirname(this.path);
    try {
      await mkdir(directory, { recursive: true });
    } catch (cause) {
      throw new StoreUnavailableError(
        `the directory ${directory} of the SQLite file cannot be made: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  private async prepare(db: Database): Promise<void> {
    if (!databaseFile(db)) throw inMemory('store.database', this.path);
    // After the application's prepareDatabase, which may have set them otherwise.
    db.pragma('busy_timeout = 0');
    await retryBusy(this.path, () => {
      if (db.pragma('journal_mode', { simple: true }) !== 'wal') db.pragma('journal_mode = WAL');
    });
    db.pragma(`synchronous = ${this.options.synchronous === 'full' ? 'FULL' : 'NORMAL'}`);
    db.pragma('temp_store = MEMORY');
    db.pragma('journal_size_limit = 67108864');
  }
}

/** Whether a path is that of a folder, be it there or only written as one. */
export async function isFolder(path: string): Promise<boolean> {
  if (/[\\/]$/.test(path)) return true;
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** The better-sqlite3 connection under a TypeORM DataSource. */
export function rawDatabase(dataSource: DataSource): Database {
  return (dataSource.driver as unknown as { databaseConnection: Database }).databaseConnection;
}

/** The real path of a connection's file, so that two names of one file are the same; '' when it is in memory. */
export function databaseFile(db: Database): string {
  const rows = db.pragma('database_list') as readonly { readonly name: string; readonly file: string | null }[];
  const file = rows.find(({ name }) => name === 'main')?.file ?? '';
  return file === '' ? '' : realpathSync(file);
}

function inTransaction<T>(
  session: Session,
  begin: 'BEGIN' | 'BEGIN IMMEDIATE',
  work: (tx: Tx) => T,
): { result: T; wakes: readonly Wake[] } {
  session.sql(begin).run();
  try {
    const tx = new Tx(session);
    const result = work(tx);
    session.sql('COMMIT').run();
    return { result, wakes: tx.wakes.wakes };
  } catch (error) {
    if (session.db.inTransaction) session.sql('ROLLBACK').run();
    throw error;
  }
}
