import type { PulseSource } from '../../../cluster/cluster-store.js';
import type { WorkerId } from '../../../id/ids.js';
import type { DataSource } from 'typeorm';
import { StoreClosedError } from '../../../errors.js';
import { type DispatchLogger, consoleLogger, errorText } from '../../../observability/logger.js';
import type { MigrationMode, MigrationStatus, Wake } from '../../store.js';
import { WakeHub } from '../../wake-hub.js';
import { Migrator } from '../migrator.js';
import { CallerTransactions } from './caller-transactions.js';
import { FileWatch } from './file-watch.js';
import { sqlitePulse } from './sqlite-pulse.js';
import { openDataSource } from './load-drivers.js';
import { retryBusy } from './retry-busy.js';
import type { Tx } from './session.js';
import { SqliteConnection, rawDatabase } from './sqlite-connection.js';
import { SQLITE_MIGRATIONS, migrationTarget, restoreSchema } from './sqlite-migrations.js';
import { type SqliteFileOptions, type SqliteStoreOptions, toFileOptions } from './sqlite-options.js';
import { listenToFile, tellFile } from './wake-channels.js';

const TABLES_GONE =
  'the tables of Dispatch are gone (an application with dropSchema: true drops every table of its file): making them again, empty. Jobs that were in them are lost.';

/** What the store's methods stand on: the connection, the schema, wake-ups and callers' transactions. */
export class SqliteBackend {
  readonly callers: CallerTransactions;
  private readonly file: SqliteFileOptions;
  private readonly logger: DispatchLogger;
  private readonly connection: SqliteConnection;
  private readonly migrator: Migrator;
  private readonly hub: WakeHub;
  private readonly watch: FileWatch;
  private ownDataSource: Promise<DataSource> | null = null;
  private repair: Promise<void> | null = null;
  private mayRepair = false;
  private channel: { readonly file: string; readonly leave: () => void } | null = null;
  private closed = false;

  /** @throws InvalidOptionsError when the options name no file */
  constructor(private readonly options: SqliteStoreOptions) {
    this.file = toFileOptions(options);
    this.logger = options.logger ?? consoleLogger;
    this.hub = new WakeHub((error) => this.logger.error(`a wake-up listener failed: ${errorText(error)}`));
    const clock = options.clock?.overridesStore ? options.clock : null;
    const onWakes = (wakes: readonly Wake[]): void => this.tell(wakes);
    this.connection = new SqliteConnection({
      file: this.file,
      synchronous: options.synchronous ?? 'full',
      clock,
      onOpen: (file) => this.joinChannel(file),
      onWakes,
      onMissingTables: () => this.repairSchema(),
    });
    this.migrator = new Migrator(SQLITE_MIGRATIONS, migrationTarget(this.connection));
    this.watch = new FileWatch(
      () => this.connection.idleSession,
      (wake) => this.hub.emit(wake),
    );
    this.callers = new CallerTransactions({
      path: this.file.database,
      dataSource: () => this.callerDataSource(),
      clock,
      onWakes,
      restoreTables: (session) => {
        if (!this.mayRepair) return false;
        this.logger.warn(TABLES_GONE);
        restoreSchema(session);
        return true;
      },
    });
  }

  /** How a thread renews a lease; not under a test clock. */
  async pulse(id: WorkerId, leaseMs: number): Promise<PulseSource | undefined> {
    if (this.options.clock?.overridesStore) return undefined;
    return sqlitePulse(this.file, { id, leaseMs }, this.logger);
  }

  /** Runs one transaction under the write lock; see {@link SqliteConnection.write}. */
  write<T>(work: (tx: Tx) => T): Promise<T> {
    return this.connection.write(work);
  }

  /** Runs reads on one snapshot; see {@link SqliteConnection.read}. */
  read<T>(work: (tx: Tx) => T): Promise<T> {
    return this.connection.read(work);
  }

  async migrate(mode: MigrationMode): Promise<void> {
    await this.connection.open();
    await this.migrator.migrate(mode);
    this.mayRepair = mode === 'auto';
  }

  migrations(): Promise<readonly MigrationStatus[]> {
    return this.migrator.status();
  }

  onWake(listener: (wake: Wake) => void): () => void {
    if (this.closed) throw new StoreClosedError();
    const remove = this.hub.add(listener);
    this.watch.start();
    return () => {
      remove();
      if (this.hub.size === 0) this.watch.stop();
    };
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.watch.stop();
    this.hub.clear();
    this.channel?.leave();
    await this.connection.close();
    const own = await this.ownDataSource?.catch(() => null);
    if (own?.isInitialized) await own.destroy();
  }

  private joinChannel(file: string): void {
    if (!this.closed) this.channel = { file, leave: listenToFile(file, (wake) => this.hub.emit(wake)) };
  }

  private tell(wakes: readonly Wake[]): void {
    if (this.channel) tellFile(this.channel.file, wakes);
  }

  private async repairSchema(): Promise<boolean> {
    if (!this.mayRepair) return false;
    this.repair ??= this.makeTablesAgain().finally(() => {
      this.repair = null;
    });
    await this.repair;
    return true;
  }

  private async makeTablesAgain(): Promise<void> {
    this.logger.warn(TABLES_GONE);
    await this.migrator.migrate('auto');
  }

  /** The application's, or a connection of our own that is not the engine's: its statements stay out of it. */
  private async callerDataSource(): Promise<DataSource> {
    if (this.closed) throw new StoreClosedError();
    // Opened first, so that the wakes of a commit have a channel.
    await this.connection.open();
    if ('dataSource' in this.options) return this.options.dataSource;
    this.ownDataSource ??= this.openOwn().catch((error: unknown) => {
      this.ownDataSource = null;
      throw error;
    });
    return this.ownDataSource;
  }

  private async openOwn(): Promise<DataSource> {
    const dataSource = await retryBusy(this.file.database, () => openDataSource(this.file));
    rawDatabase(dataSource).pragma(`synchronous = ${this.options.synchronous === 'normal' ? 'NORMAL' : 'FULL'}`);
    return dataSource;
  }
}
