import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionsError, MigrationError, StoreClosedError, StoreUnavailableError } from '../../lib/errors.js';
import type { Store } from '../../lib/store/store.js';
import { type PostgresStoreOptions } from '../../lib/store/typeorm/postgres/postgres-options.js';
import { createPostgresStore } from '../../lib/store/typeorm/postgres/postgres-store.js';
import { newJob } from '../../lib/testing/store-contract/fixtures.js';
import { until } from '../support/until.js';
import { freePort } from '../support/free-port.js';
import { openPostgresApplication } from '../support/postgres-application.js';
import { type PostgresDatabase, createPostgresDatabase } from '../support/postgres-database.js';

describe('PostgreSQL: the schema', () => {
  let database: PostgresDatabase;
  let stores: Store[];

  const open = (options: Partial<PostgresStoreOptions> = {}): Store => {
    const store = createPostgresStore({ url: database.url, ...options });
    stores.push(store);
    return store;
  };

  beforeEach(async () => {
    database = await createPostgresDatabase();
    stores = [];
  });

  afterEach(async () => {
    for (const store of stores) await store.close();
    await database.drop();
  });

  it('is made by one of many processes that boot together', async () => {
    await Promise.all(Array.from({ length: 6 }, () => open().migrate()));
    const [status] = await open().migrations();
    expect(status?.name).toBe('0001-jobs');
    expect(status?.appliedAt).toBeTypeOf('number');
  });

  it('is not touched by "check", which names what is missing', async () => {
    await expect(open().migrate('check')).rejects.toThrow(MigrationError);
    await expect(open().migrate('check')).rejects.toThrow(/0001-jobs/);
    expect(await database.query(`select 1 from information_schema.schemata where schema_name = 'dispatch'`)).toEqual(
      [],
    );
    await open().migrate('auto');
    await expect(open().migrate('check')).resolves.toBeUndefined();
  });

  it('has an index that the lists and counts of a tenant use, however many jobs others have', async () => {
    const store = open();
    await store.migrate();
    const mine = newJob({ scopeAppId: 'shop', scopeOrgId: 'red' });
    await store.insertJobs([mine, ...Array.from({ length: 500 }, () => newJob({ scopeOrgId: 'blue' }))]);
    const scans = async () =>
      Number(
        (
          await database.query(`select idx_scan from pg_stat_user_indexes where indexrelname = 'dispatch_jobs_scope'`)
        )[0]?.['idx_scan'],
      );
    const scope = { appId: 'shop', orgId: 'red' };
    // The server counts scans when a connection ends.
    await store.close();
    const listing = open();
    expect((await listing.listJobs({ scope })).jobs.map(({ id }) => id)).toEqual([mine.id]);
    await listing.close();
    await until('the list has used it', async () => (await scans()) > 0);
    const before = await scans();
    const counting = open();
    expect((await counting.countJobs({ scope })).pending).toBe(1);
    await counting.close();
    await until('the count has used it', async () => (await scans()) > before);
  });

  it('is left alone by "off"', async () => {
    await open().migrate('off');
    expect(await database.query(`select 1 from information_schema.schemata where schema_name = 'dispatch'`)).toEqual(
      [],
    );
  });

  it('is rolled back whole when a migration fails', async () => {
    await database.query('create schema dispatch; create table dispatch.dispatch_workers (mine text)');
    await expect(open().migrate()).rejects.toThrow(/0001-jobs failed and was rolled back/);
    expect(
      await database.query(`select table_name from information_schema.tables where table_schema = 'dispatch'`),
    ).toEqual([{ table_name: 'dispatch_workers' }]);
  });

  it('survives an application that synchronizes and drops its own, before and after', async () => {
    const application = await openPostgresApplication(database.url, { dropSchema: true });
    const store = open({ dataSource: application });
    await store.migrate();
    const job = newJob();
    await store.insertJobs([job]);
    const second = await openPostgresApplication(database.url, { dropSchema: true });
    await second.synchronize(true);
    expect((await store.getJob(job.id))?.id).toBe(job.id);
    await second.destroy();
    await application.destroy();
  });

  it('may have another name, and two of them share a database without meeting', async () => {
    const [blue, green] = [open({ schema: 'Blue' }), open({ schema: 'green' })];
    await Promise.all([blue.migrate(), green.migrate()]);
    await blue.insertJobs([newJob()]);
    expect((await blue.countJobs()).pending).toBe(1);
    expect((await green.countJobs()).pending).toBe(0);
  });

  it('may be used by a role that must not create schemas, once it is there', async () => {
    await open().migrate();
    await database.query(`drop role if exists clerk; create role clerk login password 'clerk';
      grant usage on schema dispatch to clerk; grant all on all tables in schema dispatch to clerk`);
    const clerk = open({
      url: database.url.replace('postgres:postgres@', 'clerk:clerk@'),
    });
    await clerk.migrate();
    await clerk.insertJobs([newJob()]);
    expect((await clerk.countJobs()).pending).toBe(1);
    await clerk.close();
    await database.query('drop owned by clerk; drop role clerk');
  });
});

describe('PostgreSQL: options and connections', () => {
  it.each([
    [{ url: 'mysql://localhost/db' }, /"store\.url"/],
    [{ url: 'postgres://localhost/db', schema: 'a"b' }, /"store\.schema"/],
    [{ url: 'postgres://localhost/db', poolSize: 1 }, /"store\.poolSize"/],
    [{ url: 'postgres://localhost/db', callTimeout: 5 }, /"store\.callTimeout"/],
    [{ url: 'postgres://localhost/db', callTimeout: 'soon' as '5s' }, /store\.callTimeout/],
    [
      { url: 'postgres://localhost/db', listen: 'localhost' as 'postgres://x' },
      /"store\.listen" must be true, false or a text such as/,
    ],
    [{ url: 'postgres://localhost/db', listen: 1 as never }, /"store\.listen"/],
    [{ url: 'postgres://localhost/db', notify: 'no' as never }, /"store\.notify" must be true or false \(got "no"\)/],
    [{ url: 'postgres://localhost/db', preparedStatements: 0 as never }, /"store\.preparedStatements"/],
  ] as [PostgresStoreOptions, RegExp][])('%j is refused by name', (options, message) => {
    expect(() => createPostgresStore(options)).toThrow(InvalidOptionsError);
    expect(() => createPostgresStore(options)).toThrow(message);
  });

  it('a wrong address is not shown, as it may hold a password', () => {
    expect(() => createPostgresStore({ url: 'mysql://user:secret@localhost/db' })).not.toThrow(/secret/);
  });

  it('a server that is not there gives StoreUnavailableError with its cause', async () => {
    const store = createPostgresStore({ url: `postgres://postgres:hidden@127.0.0.1:${await freePort()}/postgres` });
    const error = await store.migrate().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect((error as Error).cause).toMatchObject({ code: 'ECONNREFUSED' });
    expect((error as Error).message).not.toContain('hidden');
    await store.close();
  });

  it('goes on by itself after its connections were cut', async () => {
    const database = await createPostgresDatabase();
    const store = createPostgresStore({ url: database.url });
    await store.migrate();
    await Promise.all([store.ping(), store.ping()]);
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    const ping = (): Promise<number> => store.ping().catch(() => ping());
    expect(await ping()).toBeTypeOf('number');
    await store.insertJobs([newJob()]);
    await store.close();
    await expect(store.ping()).rejects.toThrow(StoreClosedError);
    await database.drop();
  });

  it('works without prepared statements, as proxies want it', async () => {
    const database = await createPostgresDatabase();
    const store = createPostgresStore({ url: database.url, preparedStatements: false });
    await store.migrate();
    await store.insertJobs([newJob()]);
    expect((await store.countJobs()).pending).toBe(1);
    expect(await database.query('select * from pg_prepared_statements')).toEqual([]);
    await store.close();
    await database.drop();
  });
});
