import type { DataSource, EntityManager } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionsError, JobAlreadyExistsError } from '../../lib/errors.js';
import type { Store, Wake } from '../../lib/store/store.js';
import { createPostgresStore } from '../../lib/store/typeorm/postgres/postgres-store.js';
import { newJob, until } from '../../lib/testing/store-contract/fixtures.js';
import { openPostgresApplication } from '../support/postgres-application.js';
import { type PostgresDatabase, createPostgresDatabase } from '../support/postgres-database.js';
import { OrderEntity } from '../support/sqlite-application.js';

describe('PostgreSQL: inserts in a transaction of the application', () => {
  let database: PostgresDatabase;
  let dataSource: DataSource;
  let store: Store;
  let wakes: Wake[];

  const orders = (): Promise<number> => dataSource.getRepository(OrderEntity).count();
  const wokeFor = (queue: string): boolean =>
    wakes.some((wake) => wake.kind === 'ready' && wake.queues.includes(queue));

  beforeAll(async () => {
    database = await createPostgresDatabase();
  });

  beforeEach(async () => {
    dataSource = await openPostgresApplication(database.url);
    await dataSource.getRepository(OrderEntity).clear();
    store = createPostgresStore({ dataSource });
    await store.migrate();
    wakes = [];
    store.onWake((wake) => wakes.push(wake));
  });

  afterEach(async () => {
    await store.close();
    await dataSource.destroy();
  });

  afterAll(() => database.drop());

  it('commit together with the rows of the application, and wake then', async () => {
    const job = newJob({ queue: 'commits' });
    await dataSource.transaction(async (manager) => {
      await manager.save(OrderEntity, { item: 'tea' });
      await store.insertJobs([job], { transaction: manager });
      expect(wokeFor('commits')).toBe(false);
      expect(await store.getJob(job.id)).toBeNull();
    });
    expect(wokeFor('commits')).toBe(true);
    expect((await store.getJob(job.id))?.state).toBe('pending');
    expect(await orders()).toBe(1);
  });

  it('roll back together with the rows of the application, and wake nobody', async () => {
    const job = newJob({ queue: 'rolls-back' });
    const order = dataSource.transaction(async (manager) => {
      await manager.save(OrderEntity, { item: 'tea' });
      await store.insertJobs([job], { transaction: manager });
      throw new Error('no tea left');
    });
    await expect(order).rejects.toThrow('no tea left');
    expect(wokeFor('rolls-back')).toBe(false);
    expect(await store.getJob(job.id)).toBeNull();
    expect(await orders()).toBe(0);
  });

  it('are dropped with the savepoint they were made in', async () => {
    const [outer, inner] = [newJob(), newJob()];
    await dataSource.transaction(async (manager) => {
      await store.insertJobs([outer], { transaction: manager });
      const nested = manager.transaction(async (nestedManager) => {
        await store.insertJobs([inner], { transaction: nestedManager });
        throw new Error('undo the inner part');
      });
      await expect(nested).rejects.toThrow('undo the inner part');
    });
    expect(await store.getJob(inner.id)).toBeNull();
    expect((await store.getJob(outer.id))?.state).toBe('pending');
  });

  it('leave the transaction usable when they are refused', async () => {
    const first = newJob({ name: 'report', uniqueKey: 'daily' });
    await store.insertJobs([first]);
    await dataSource.transaction(async (manager) => {
      await manager.save(OrderEntity, { item: 'tea' });
      const again = newJob({ name: 'report', uniqueKey: 'daily', onConflict: 'error' });
      await expect(store.insertJobs([again], { transaction: manager })).rejects.toThrow(JobAlreadyExistsError);
      await manager.save(OrderEntity, { item: 'coffee' });
    });
    expect(await orders()).toBe(2);
    await store.discardJob(first.id);
  });

  it('are atomic over a hundred thousand jobs', async () => {
    const jobs = Array.from({ length: 100_000 }, () => newJob({ queue: 'bulk' }));
    await expect(store.insertJobs([...jobs, jobs[0]!])).rejects.toThrow();
    expect((await store.countJobs({ queue: 'bulk' })).pending).toBe(0);
    await store.insertJobs(jobs);
    expect((await store.countJobs({ queue: 'bulk' })).pending).toBe(100_000);
  });

  it('refuse a manager that is in no transaction', async () => {
    const insert = store.insertJobs([newJob()], { transaction: dataSource.manager });
    await expect(insert).rejects.toThrow(/not in a transaction.*dataSource\.transaction/);
  });

  it('refuse the manager of another DataSource', async () => {
    const other = await openPostgresApplication(database.url);
    try {
      const insert = other.transaction((manager) => store.insertJobs([newJob()], { transaction: manager }));
      await expect(insert).rejects.toThrow(/another DataSource/);
    } finally {
      await other.destroy();
    }
  });

  it('refuse what is no manager', async () => {
    await expect(store.insertJobs([newJob()], { transaction: {} })).rejects.toThrow(InvalidOptionsError);
  });

  it('work on a store with an address of its own, in a transaction that the store began', async () => {
    const own = createPostgresStore({ url: database.url });
    const [kept, dropped] = [newJob(), newJob()];
    try {
      await own.transaction(async (manager) => {
        await (manager as EntityManager).query(`insert into "orders" (item) values ('tea')`);
        await own.insertJobs([kept], { transaction: manager });
      });
      const failing = own.transaction(async (manager) => {
        await own.insertJobs([dropped], { transaction: manager });
        throw new Error('changed my mind');
      });
      await expect(failing).rejects.toThrow('changed my mind');
      expect(await own.getJob(kept.id)).not.toBeNull();
      expect(await own.getJob(dropped.id)).toBeNull();
      expect(await orders()).toBe(1);
    } finally {
      await own.close();
    }
  });

  it('do not starve the engine: every connection of the application may wait in a transaction', async () => {
    const held = createHolders(dataSource, 10);
    await held.all;
    await store.insertJobs([newJob()]);
    held.release();
    await held.done;
  });

  it('are heard of by another process after the commit', async () => {
    const other = createPostgresStore({ url: database.url });
    const heard: Wake[] = [];
    other.onWake((wake) => heard.push(wake));
    try {
      await until('the other store listens', () => heard.length > 0);
      heard.length = 0;
      await dataSource.transaction((manager) => store.insertJobs([newJob({ queue: 'far' })], { transaction: manager }));
      await until('the other store hears', () =>
        heard.some((wake) => wake.kind === 'ready' && wake.queues.includes('far')),
      );
    } finally {
      await other.close();
    }
  });
});

/** Transactions that hold a connection each until they are released. */
function createHolders(dataSource: DataSource, count: number) {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const started: Promise<void>[] = [];
  const ended = Array.from({ length: count }, () => {
    let begun = (): void => undefined;
    started.push(new Promise((resolve) => (begun = resolve)));
    return dataSource.transaction(async (manager) => {
      await manager.query('select 1');
      begun();
      await released;
    });
  });
  return { all: Promise.all(started), done: Promise.all(ended), release: () => release() };
}
