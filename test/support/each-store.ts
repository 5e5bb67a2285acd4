import type { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeEach, describe } from 'vitest';
import { createEngine } from '../../lib/engine/create-engine.js';
import type { Engine } from '../../lib/engine/engine.js';
import type { EngineOptions } from '../../lib/engine/options.js';
import type { StoreOptions } from '../../lib/engine/store-options.js';
import { createMemoryStore } from '../../lib/store/memory/memory-store.js';
import type { Store } from '../../lib/store/store.js';
import { createPostgresStore } from '../../lib/store/typeorm/postgres/postgres-store.js';
import { createSqliteStore } from '../../lib/store/typeorm/sqlite/sqlite-store.js';
import { type PostgresDatabase, createPostgresDatabase } from './postgres-database.js';
import { openPostgresApplication } from './postgres-application.js';
import { RecordingLogger } from './recording-logger.js';
import { openApplication } from './sqlite-application.js';
import { SqliteFiles } from './sqlite-files.js';

export type StoreKind = 'memory' | 'sqlite' | 'postgres';

/** Empty data of one kind of store, for one test. */
export interface StoreUnderTest {
  readonly kind: StoreKind;
  /** For `createEngine`: every engine that is given them works on the same data. */
  readonly options: StoreOptions;
  /** What the engines of {@link engine} log. */
  readonly logger: RecordingLogger;
  /** Another connection to the same data, to look with, or to wrap. Closed after the test. */
  open(): Promise<Store>;
  /** A DataSource of an application in the same database, with an empty table of its own. Destroyed after the test. */
  application(): Promise<DataSource>;
  /** An engine on this data, or on the store given. Stopped after the test. */
  engine(options?: Partial<EngineOptions>): Engine;
}

interface Data {
  readonly options: StoreOptions;
  readonly open: () => Store;
  readonly application: () => Promise<DataSource>;
}

/** Where the data of one kind of store comes from. */
interface Source {
  readonly kind: StoreKind;
  /** Makes empty data. */
  create(): Promise<Data>;
  /** Takes away what {@link create} made. */
  clean(): Promise<void>;
  dispose(): Promise<void>;
}

function memory(): Source {
  return {
    kind: 'memory',
    async create() {
      const store = createMemoryStore();
      return {
        options: store,
        open: () => createMemoryStore({ shareWith: store }),
        application: () => Promise.reject(new Error('the memory store lives in no database')),
      };
    },
    clean: async () => undefined,
    dispose: async () => undefined,
  };
}

function sqlite(): Source {
  const files = new SqliteFiles();
  return {
    kind: 'sqlite',
    async create() {
      const database = await files.create();
      // What survives a power failure is not tested here, and syncing a disk is what takes time.
      const options = { database, synchronous: 'normal' } as const;
      return {
        options: { type: 'sqlite', ...options },
        open: () => createSqliteStore(options),
        application: () => openApplication(database),
      };
    },
    clean: () => files.remove(),
    dispose: async () => undefined,
  };
}

const TABLES = `select string_agg(format('dispatch.%I', tablename), ', ') as tables from pg_tables
  where schemaname = 'dispatch' and tablename <> 'dispatch_migrations'`;

function postgres(): Source {
  let database: Promise<PostgresDatabase> | undefined;
  return {
    kind: 'postgres',
    async create() {
      database ??= createPostgresDatabase();
      const { url } = await database;
      return {
        options: { type: 'postgres', url },
        open: () => createPostgresStore({ url }),
        application: () => openPostgresApplication(url, { dropSchema: true }),
      };
    },
    async clean() {
      const { query } = await database!;
      const tables = (await query(TABLES))[0]?.['tables'];
      if (typeof tables === 'string') await query(`truncate ${tables}`);
    },
    async dispose() {
      await (await database)?.drop();
    },
  };
}

const SOURCES: Readonly<Record<StoreKind, () => Source>> = { memory, sqlite, postgres };

/** What suits tests of databases: no test waits for the defaults of production. */
const OPTIONS = { shutdownTimeout: 50, abortGrace: 50 } as const;

/**
 * Describes the same behaviour on every kind of store.
 *
 * @param tests given a function that returns the data of the current test
 * @param kinds fewer than all only where a kind cannot offer what is tested
 */
export function describeOnEachStore(
  name: string,
  tests: (given: () => StoreUnderTest) => void,
  kinds: readonly StoreKind[] = ['memory', 'sqlite', 'postgres'],
): void {
  describe.each(kinds)(`${name} (%s)`, (kind) => {
    const source = SOURCES[kind]();
    let stores: Store[] = [];
    let engines: Engine[] = [];
    let dataSources: DataSource[] = [];
    let current: StoreUnderTest;

    beforeEach(async () => {
      const { options, open, application } = await source.create();
      const logger = new RecordingLogger();
      current = {
        kind,
        options,
        logger,
        async open() {
          const store = open();
          stores.push(store);
          await store.migrate();
          return store;
        },
        async application() {
          const dataSource = await application();
          dataSources.push(dataSource);
          return dataSource;
        },
        engine(own) {
          const engine = createEngine({ store: options, logger, ...OPTIONS, ...own });
          engines.push(engine);
          return engine;
        },
      };
    });

    afterEach(async () => {
      const [oldEngines, oldStores, oldDataSources] = [engines, stores, dataSources];
      [engines, stores, dataSources] = [[], [], []];
      await Promise.all(oldEngines.map((engine) => engine.stop()));
      await Promise.all(oldStores.map((store) => store.close()));
      await Promise.all(oldDataSources.map((dataSource) => dataSource.destroy()));
      await source.clean();
    });

    afterAll(() => source.dispose());

    tests(() => current);
  });
}
