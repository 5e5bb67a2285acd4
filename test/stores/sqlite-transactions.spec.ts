import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionsError, JobAlreadyExistsError, StoreUnavailableError } from '../../lib/errors.js';
import { type Store, type Wake } from '../../lib/store/store.js';
import { createSqliteStore } from '../../lib/store/typeorm/sqlite/sqlite-store.js';
import { newJob, until } from '../../lib/testing/store-contract/fixtures.js';
import { OrderEntity, openApplication } from '../support/sqlite-application.js';
import { SqliteFiles } from '../support/sqlite-files.js';

describe('SQLite: inserts in a transaction of the application', () => {
  const files = new SqliteFiles();
  let dataSource: DataSource;
  let store: Store;
  let wakes: Wake[];

  const pending = async (): Promise<number> => (await store.countJobs()).pending;
  const orders = (): Promise<number> => dataSource.getRepository(OrderEntity).count();

  beforeEach(async () => {
    dataSource = await openApplication(await files.create());
    store = createSqliteStore({ dataSource });
    await store.migrate();
    wakes = [];
    store.onWake((wake) => wakes.push(wake));
  });

  afterEach(async () => {
    await store.close();
    await dataSource.destroy();
    await files.remove();
  });

  it('commit together with the rows of the application, and wake then', async () => {
    const job = newJob();
    await dataSource.transaction(async (manager) => {
      await manager.save(OrderEntity, { item: 'tea' });
      await store.insertJobs([job], { transaction: manager });
      expect(wakes).toEqual([]);
    });
    expect(wakes).toContainEqual({ kind: 'ready', queues: [job.queue] });
    expect((await store.getJob(job.id))?.state).toBe('pending');
    expect(await orders()).toBe(1);
  });

  it('roll back together with the rows of the application, and wake nobody', async () => {
    const job = newJob();
    const order = dataSource.transaction(async (manager) => {
      await manager.save(OrderEntity, { item: 'tea' });
      await store.insertJobs([job], { transaction: manager });
      throw new Error('no tea left');
    });
    await expect(order).rejects.toThrow('no tea left');
    expect(wakes).toEqual([]);
    expect(await store.getJob(job.id)).toBeNull();
    expect(await orders()).toBe(0);
  });

  it('are not seen by a claim before the commit', async () => {
    await dataSource.transaction(async (manager) => {
      await store.insertJobs([newJob()], { transaction: manager });
      expect(await pending()).toBe(0);
    });
    expect(await pending()).toBe(1);
  });

  it('are dropped with the savepoint they were made in, and so is their wake', async () => {
    const [outer, inner] = [newJob({ queue: 'outer' }), newJob({ queue: 'inner' })];
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
    expect(wakes.filter((wake) => wake.kind === 'ready' && wake.queues.includes('inner'))).toEqual([]);
    expect(wakes).toContainEqual({ kind: 'ready', queues: ['outer'] });
  });

  it('wake after the outermost commit when their savepoint was released', async () => {
    await dataSource.transaction(async (manager) => {
      await manager.transaction(async (nested) => {
        await store.insertJobs([newJob({ queue: 'inner' })], { transaction: nested });
      });
      expect(wakes).toEqual([]);
    });
    expect(wakes).toContainEqual({ kind: 'ready', queues: ['inner'] });
  });

  it('that are refused leave the transaction usable', async () => {
    await store.insertJobs([newJob({ uniqueKey: 'tea' })]);
    const bystander = newJob();
    await dataSource.transaction(async (manager) => {
      await manager.save(OrderEntity, { item: 'tea' });
      const refused = [bystander, newJob({ uniqueKey: 'tea', onConflict: 'error' })];
      await expect(store.insertJobs(refused, { transaction: manager })).rejects.toThrow(JobAlreadyExistsError);
    });
    expect(await store.getJob(bystander.id)).toBeNull();
    expect(await orders()).toBe(1);
  });

  it('leave the busy timeout of the application as it was', async () => {
    const timeout = async (): Promise<unknown> => await dataSource.query('PRAGMA busy_timeout');
    const before = await timeout();
    await dataSource.transaction((manager) => store.insertJobs([newJob()], { transaction: manager }));
    await store.transaction((manager) => store.insertJobs([newJob()], { transaction: manager }));
    expect(await timeout()).toEqual(before);
  });

  it('refuse a manager that is not in a transaction, and one of another DataSource', async () => {
    await expect(store.insertJobs([newJob()], { transaction: dataSource.manager })).rejects.toThrow(
      InvalidOptionsError,
    );
    const other = await openApplication(await files.create());
    const elsewhere = other.transaction((manager) => store.insertJobs([newJob()], { transaction: manager }));
    await expect(elsewhere).rejects.toThrow('belongs to another DataSource');
    await other.destroy();
    expect(await pending()).toBe(0);
  });

  it('in a transaction that read before another connection wrote say what to do', async () => {
    const stale = dataSource.transaction(async (manager) => {
      await manager.find(OrderEntity);
      await store.insertJobs([newJob()]);
      await store.insertJobs([newJob()], { transaction: manager });
    });
    await expect(stale).rejects.toThrow(/Run it again, or use dispatch\.transaction/);
    expect(await pending()).toBe(1);
  });

  it('without the manager, inside an open transaction that has written, end with an error that names the way out', async () => {
    const deadlock = dataSource.transaction(async (manager) => {
      await manager.save(OrderEntity, { item: 'tea' });
      await store.insertJobs([newJob()]);
    });
    await expect(deadlock).rejects.toThrow(/pass its manager \(\{ manager \}\)/);
    expect(await orders()).toBe(0);
    await store.insertJobs([newJob()]);
    expect(await pending()).toBe(1);
  });

  it('dispatch.transaction runs callers one at a time, each holding the write lock from its start', async () => {
    const steps: string[] = [];
    const order = (name: string): Promise<unknown> =>
      store.transaction(async (transaction) => {
        const manager = transaction as DataSource['manager'];
        steps.push(`${name} begins`);
        await manager.find(OrderEntity);
        await manager.save(OrderEntity, { item: name });
        await store.insertJobs([newJob()], { transaction });
        steps.push(`${name} ends`);
      });
    await Promise.all([order('a'), order('b'), order('c')]);
    expect(steps).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    expect(await orders()).toBe(3);
    expect(await pending()).toBe(3);
  });

  it('dispatch.transaction lets engine writes wait for it, and goes on after one that failed', async () => {
    const failing = store.transaction(async (transaction) => {
      await store.insertJobs([newJob()], { transaction });
      throw new Error('changed my mind');
    });
    const outside = store.insertJobs([newJob()]);
    await expect(failing).rejects.toThrow('changed my mind');
    await outside;
    expect(await pending()).toBe(1);
    expect(await store.transaction(() => Promise.resolve('fine'))).toBe('fine');
  });

  it('dispatch.transaction inside another is a savepoint of it', async () => {
    await store.transaction(async (outer) => {
      await store.insertJobs([newJob()], { transaction: outer });
      const inner = store.transaction(async (transaction) => {
        await store.insertJobs([newJob()], { transaction });
        throw new Error('only the inner one');
      });
      await expect(inner).rejects.toThrow('only the inner one');
    });
    expect(await pending()).toBe(1);
  });

  it('dispatch.transaction waits for a transaction of the application, and does not become a part of it', async () => {
    let finish: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    const application = dataSource.transaction(async (manager) => {
      await manager.save(OrderEntity, { item: 'tea' });
      await held;
      throw new Error('rolled back');
    });
    await until('the application is in its transaction', () => dataSource.createQueryRunner().isTransactionActive);
    const ours = store.transaction((transaction) => store.insertJobs([newJob()], { transaction }));
    finish();
    await expect(application).rejects.toThrow('rolled back');
    await ours;
    expect(await pending()).toBe(1);
  });
});

describe('SQLite: dispatch.transaction on a file of its own', () => {
  const files = new SqliteFiles();
  let store: Store;

  beforeEach(async () => {
    store = createSqliteStore({ database: await files.create() });
    await store.migrate();
  });

  afterEach(async () => {
    await store.close();
    await files.remove();
  });

  it('commits and rolls back, with engine writes kept out of it', async () => {
    const [kept, dropped, engine] = [newJob(), newJob(), newJob()];
    await store.transaction((transaction) => store.insertJobs([kept], { transaction }));
    let outside: Promise<unknown> = Promise.resolve();
    const undone = store.transaction(async (transaction) => {
      await store.insertJobs([dropped], { transaction });
      outside = store.insertJobs([engine]);
      throw new Error('undo');
    });
    await expect(undone).rejects.toThrow('undo');
    await outside;
    expect((await store.listJobs()).jobs.map(({ id }) => id).sort()).toEqual([kept.id, engine.id].sort());
  });

  it('refuses a manager whose transaction has ended', async () => {
    const ended = await store.transaction((transaction) => Promise.resolve(transaction));
    await expect(store.insertJobs([newJob()], { transaction: ended })).rejects.toThrow('not in a transaction');
  });

  it('does not outlive the store', async () => {
    await store.transaction(() => Promise.resolve());
    await store.close();
    await expect(store.transaction(() => Promise.resolve())).rejects.toThrow('the store is closed');
    await expect(store.insertJobs([newJob()])).rejects.not.toThrow(StoreUnavailableError);
  });
});
