import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { DataSource } from 'typeorm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { InvalidOptionsError, MigrationError, StoreClosedError, StoreUnavailableError } from '../../lib/errors.js';
import type { Store } from '../../lib/store/store.js';
import type { SqliteStoreOptions } from '../../lib/store/typeorm/sqlite/sqlite-options.js';
import { createSqliteStore } from '../../lib/store/typeorm/sqlite/sqlite-store.js';
import { newJob } from '../../lib/testing/store-contract/fixtures.js';
import { OrderEntity, openApplication } from '../support/sqlite-application.js';
import { SqliteFiles } from '../support/sqlite-files.js';

const files = new SqliteFiles();
const stores: Store[] = [];

function open(options: SqliteStoreOptions): Store {
  const store = createSqliteStore(options);
  stores.push(store);
  return store;
}

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await files.remove();
});

describe('SQLite: options', () => {
  it('an address is refused without being repeated, and not taken for a path', () => {
    const open = (): unknown => createSqliteStore({ database: 'postgres://app:correct-horse@localhost/app' });
    expect(open).toThrow(InvalidOptionsError);
    expect(open).toThrow('"store.database" must be the path of a file (got an address). For a PostgreSQL database use');
    expect(open).not.toThrow('correct-horse');
  });

  it.each(['', ':memory:', 'file::memory:?cache=shared', 'file:jobs?mode=memory'])('%j is refused', (database) => {
    expect(() => createSqliteStore({ database })).toThrow(InvalidOptionsError);
    expect(() => createSqliteStore({ database })).toThrow("type: 'memory'");
  });

  it('a directory is refused, and none is made where the path only looks like one', async () => {
    const folder = dirname(await files.create());
    for (const database of [folder, `${join(folder, 'later')}/`]) {
      const store = open({ database });
      await expect(store.migrate()).rejects.toThrow(StoreUnavailableError);
      await expect(store.ping()).rejects.toThrow(
        `SQLite cannot use ${database}: it is a directory, and the database must be a file. Name one in it, such as ${join(folder, '')}`,
      );
    }
    expect(await readdir(folder)).not.toContain('later');
  });

  it('a DataSource in memory, a read-only one and one of another type are refused', async () => {
    const database = await files.create();
    const refused = [
      new DataSource({ type: 'better-sqlite3', database: ':memory:' }),
      new DataSource({ type: 'better-sqlite3', database, readonly: true }),
      new DataSource({ type: 'postgres' }),
    ];
    for (const dataSource of refused) expect(() => createSqliteStore({ dataSource })).toThrow(InvalidOptionsError);
  });

  it('an unknown value of synchronous is refused', () => {
    const options = { database: 'a.db', synchronous: 'off' } as unknown as SqliteStoreOptions;
    expect(() => createSqliteStore(options)).toThrow('"store.synchronous" must be');
  });

  it('a DataSource that is not connected yet is fine until a transaction is asked of it', async () => {
    const dataSource = new DataSource({ type: 'better-sqlite3', database: await files.create() });
    const store = open({ dataSource });
    await store.migrate();
    await store.insertJobs([newJob()]);
    await expect(store.transaction(() => Promise.resolve())).rejects.toThrow('call initialize() first');
  });

  it('a full disk is an error of the store, and what was there stays readable', async () => {
    const full = (db: unknown): void => void (db as BetterSqlite3.Database).pragma('max_page_count = 80');
    const dataSource = new DataSource({
      type: 'better-sqlite3',
      database: await files.create(),
      prepareDatabase: full,
    });
    const store = open({ dataSource });
    await store.migrate();
    const job = newJob();
    await store.insertJobs([job]);
    const much = Array.from({ length: 500 }, () => newJob({ payload: 'x'.repeat(2_000) }));
    await expect(store.insertJobs(much)).rejects.toThrow(StoreUnavailableError);
    expect((await store.listJobs()).jobs.map(({ id }) => id)).toEqual([job.id]);
    await store.insertJobs([newJob()]);
  });

  it('the directory of the file is made on the first run', async () => {
    const database = join(dirname(await files.create()), 'not', 'there', 'jobs.db');
    await open({ database }).migrate();
    expect(await readdir(dirname(database))).toContain('jobs.db');
  });

  it('a path that cannot be a file is an error that names it', async () => {
    const file = await files.create();
    await open({ database: file }).migrate();
    await expect(open({ database: join(file, 'jobs.db') }).migrate()).rejects.toThrow(`the directory ${file}`);
    const directory = dirname(file);
    await expect(open({ database: directory }).migrate()).rejects.toThrow(StoreUnavailableError);
  });

  it('the file is switched to WAL', async () => {
    const database = await files.create();
    await open({ database }).migrate();
    const other = new BetterSqlite3(database);
    expect(other.pragma('journal_mode', { simple: true })).toBe('wal');
    other.close();
  });

  it.each(['better-sqlite3', 'typeorm'])('without the package %s, the error says what to install', async (name) => {
    vi.resetModules();
    vi.doMock(name, () => {
      throw new Error(`Cannot find package '${name}'`);
    });
    try {
      const { createSqliteStore: create } = await import('../../lib/store/typeorm/sqlite/sqlite-store.js');
      await expect(create({ database: await files.create() }).migrate()).rejects.toThrow(`npm install ${name}`);
    } finally {
      vi.doUnmock(name);
      vi.resetModules();
    }
  });

  it('a store that was closed refuses every call, also while it was never opened', async () => {
    const store = open({ database: await files.create() });
    await store.close();
    await store.close();
    await expect(store.migrate()).rejects.toThrow(StoreClosedError);
    await expect(store.ping()).rejects.toThrow(StoreClosedError);
  });
});

describe('SQLite: schema', () => {
  it('check refuses a file without the tables, and accepts it with them', async () => {
    const database = await files.create();
    await expect(open({ database }).migrate('check')).rejects.toThrow(MigrationError);
    await open({ database }).migrate('auto');
    await open({ database }).migrate('check');
  });

  it('status tells what is applied, and when', async () => {
    const store = open({ database: await files.create() });
    expect(await store.migrations()).toEqual([
      { name: '0001-jobs', appliedAt: null },
      { name: '0002-workflows', appliedAt: null },
    ]);
    await store.migrate();
    for (const { appliedAt } of await store.migrations()) expect(appliedAt).toBeGreaterThan(Date.now() - 60_000);
  });

  it('an application that synchronizes its schema leaves the tables of Dispatch alone', async () => {
    const database = await files.create();
    const store = open({ database });
    await store.migrate();
    const job = newJob();
    await store.insertJobs([job]);
    const application = await openApplication(database);
    await application.synchronize();
    expect((await store.getJob(job.id))?.state).toBe('pending');
    await application.destroy();
  });

  it('an application with dropSchema that starts before us changes nothing', async () => {
    const application = await openApplication(await files.create(), { dropSchema: true });
    const store = open({ dataSource: application });
    await store.migrate();
    await store.insertJobs([newJob()]);
    expect((await store.countJobs()).pending).toBe(1);
    await store.close();
    await application.destroy();
  });

  it('an application that drops the schema under us gets the tables made again, with a warning', async () => {
    const database = await files.create();
    const warn = vi.fn();
    const logger = { debug: vi.fn(), log: vi.fn(), warn, error: vi.fn() };
    const store = open({ database, logger });
    await store.migrate();
    await store.insertJobs([newJob()]);
    const application = await openApplication(database, { dropSchema: true });
    await Promise.all([store.insertJobs([newJob()]), store.insertJobs([newJob()]), store.countJobs()]);
    expect((await store.countJobs()).pending).toBe(2);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toContain('dropSchema');
    await application.destroy();
  });

  it('tables that were dropped are made again inside the transaction that finds them gone', async () => {
    const application = await openApplication(await files.create());
    const logger = { debug: vi.fn(), log: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const store = open({ dataSource: application, logger });
    await store.migrate();
    await application.synchronize(true);
    const job = newJob();
    await application.transaction(async (manager) => {
      await manager.save(OrderEntity, { item: 'tea' });
      await store.insertJobs([job], { transaction: manager });
    });
    expect((await store.getJob(job.id))?.state).toBe('pending');
    await application.synchronize(true);
    await store.transaction((transaction) => store.insertJobs([job], { transaction }));
    expect((await store.countJobs()).pending).toBe(1);
    await store.close();
    await application.destroy();
  });

  it('tables are not made again by a process that does not migrate', async () => {
    const database = await files.create();
    await open({ database }).migrate();
    const store = open({ database });
    await store.migrate('check');
    const application = await openApplication(database, { dropSchema: true });
    await expect(store.insertJobs([newJob()])).rejects.toThrow('no such table');
    await application.destroy();
  });

  it('a newer version’s migrations in the same file do not disturb this one', async () => {
    const database = await files.create();
    await open({ database }).migrate();
    const other = new BetterSqlite3(database);
    other.exec(`INSERT INTO dispatch_migrations VALUES ('9999-later', 1)`);
    other.exec('ALTER TABLE dispatch_jobs ADD COLUMN later TEXT');
    other.close();
    const store = open({ database });
    await store.migrate('check');
    const job = newJob();
    await store.insertJobs([job]);
    expect((await store.getJob(job.id))?.id).toBe(job.id);
  });
});
