import BetterSqlite3 from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../lib/errors.js';
import type { Store, Wake } from '../../lib/store/store.js';
import { createSqliteStore } from '../../lib/store/typeorm/sqlite/sqlite-store.js';
import {
  claim,
  claimIds,
  newJob,
  newJobs,
  registerWorker,
  startJob,
  until,
} from '../../lib/testing/store-contract/fixtures.js';
import { SqliteFiles } from '../support/sqlite-files.js';

describe('SQLite: several connections on one file', () => {
  const files = new SqliteFiles();
  let database: string;
  let first: Store;
  let second: Store;

  beforeEach(async () => {
    database = await files.create();
    first = createSqliteStore({ database });
    second = createSqliteStore({ database });
    await Promise.all([first.migrate(), second.migrate()]);
  });

  afterEach(async () => {
    await first.close();
    await second.close();
    await files.remove();
  });

  it('two stores that migrate a new file at once both succeed', async () => {
    expect(await first.migrations()).toEqual(await second.migrations());
    expect((await first.migrations()).every(({ appliedAt }) => appliedAt !== null)).toBe(true);
    const path = await files.create();
    const stores = Array.from({ length: 4 }, () => createSqliteStore({ database: path }));
    await Promise.all(stores.map((store) => store.migrate()));
    await Promise.all(stores.map((store) => store.insertJobs([newJob()])));
    expect((await stores[0]!.countJobs()).pending).toBe(4);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('two stores claim each of 500 jobs once', async () => {
    const jobs = newJobs(500);
    await first.insertJobs(jobs);
    const claimed: string[] = [];
    const drain = async (store: Store): Promise<void> => {
      const worker = await registerWorker(store);
      for (
        let ids = await claimIds(store, worker, { limit: 7 });
        ids.length > 0;
        ids = await claimIds(store, worker, { limit: 7 })
      ) {
        claimed.push(...ids);
      }
    };
    await Promise.all([drain(first), drain(second), drain(first), drain(second)]);
    expect(claimed).toHaveLength(500);
    expect(new Set(claimed).size).toBe(500);
  });

  it('a lock that another connection holds for a while is waited for, with the event loop free', async () => {
    const holder = new BetterSqlite3(database);
    holder.exec('BEGIN IMMEDIATE');
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    const insert = first.insertJobs([newJob()]);
    await until('the event loop has gone on', () => turns > 20);
    expect(await first.getJob(newJob().id)).toBeNull();
    holder.exec('COMMIT');
    await insert;
    clearInterval(ticking);
    holder.close();
    expect((await first.countJobs()).pending).toBe(1);
  });

  it('a lock that is never given up ends in an error that names the file and the lock', async () => {
    const holder = new BetterSqlite3(database);
    holder.exec('BEGIN IMMEDIATE');
    const insert = first.insertJobs([newJob()]);
    await expect(insert).rejects.toThrow(StoreUnavailableError);
    await expect(insert).rejects.toThrow(database);
    await expect(insert).rejects.toThrow("holds SQLite's write lock");
    holder.close();
    await first.insertJobs([newJob()]);
  });

  it('a store of this process hears at once what another one did', async () => {
    const heard: Wake[] = [];
    second.onWake((wake) => heard.push(wake));
    await first.insertJobs([newJob({ queue: 'mail' }), newJob({ queue: 'later', delayMs: 9_000 })]);
    expect(heard).toContainEqual({ kind: 'ready', queues: ['mail'] });
    expect(heard).toContainEqual({ kind: 'ready', queues: ['later'], inMs: 9_000 });
  });

  it('a commit of another process is noticed, and so is a cancel request', async () => {
    const held = await startJob(first);
    const elsewhere = new BetterSqlite3(database);
    const heard: Wake[] = [];
    const stop = first.onWake((wake) => heard.push(wake));
    await until('the watch has noticed', () => {
      elsewhere.exec('UPDATE dispatch_jobs SET updated_at = updated_at + 1');
      return heard.length > 0;
    });
    expect(heard).toContainEqual({ kind: 'ready', queues: [] });
    elsewhere.exec('UPDATE dispatch_jobs SET cancel_requested_at = 1');
    await until('the cancel was heard', () => heard.some(({ kind }) => kind === 'cancel'));
    expect(heard).toContainEqual({ kind: 'cancel', jobId: held.id, workerId: held.workerId });
    stop();
    elsewhere.close();
  });

  it('a listener is not woken by the watch for what its own store writes', async () => {
    const heard: Wake[] = [];
    await second.close();
    first.onWake((wake) => heard.push(wake));
    const started = performance.now();
    await until('the watch has looked several times', async () => {
      await first.insertJobs([newJob()]);
      return performance.now() - started > 300;
    });
    // The first look tells of what was there before; the others have nothing to tell.
    const ofTheWatch = heard.filter((wake) => wake.kind === 'ready' && wake.queues.length === 0);
    expect(ofTheWatch.length).toBeLessThanOrEqual(1);
  });

  it('keeps the time of SQLite, to the millisecond', async () => {
    for (let n = 0; n < 200; n++) {
      const before = Date.now();
      const now = await first.ping();
      expect(now).toBeGreaterThanOrEqual(before);
      expect(now).toBeLessThanOrEqual(Date.now());
    }
  });

  it('piles of unknown names and of deferred jobs, all of a better priority, do not hide the one that is due', async () => {
    const worker = await registerWorker(first);
    const deferred = Array.from({ length: 5_000 }, () => newJob({ delayMs: 3_600_000, priority: 100 }));
    const unknown = Array.from({ length: 5_000 }, () => newJob({ name: 'unknown', priority: 100 }));
    const due = newJob();
    await first.insertJobs([...deferred, ...unknown, due]);
    expect((await claim(first, worker)).jobs.map(({ id }) => id)).toEqual([due.id]);
    expect((await claim(first, worker)).jobs).toEqual([]);
  });
});
