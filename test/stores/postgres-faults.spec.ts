import pg from 'pg';
import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../lib/errors.js';
import { newWorkerId } from '../../lib/id/ids.js';
import { typeIdToUuid } from '../../lib/id/type-id.js';
import type { Store, Wake } from '../../lib/store/store.js';
import { consoleLogger } from '../../lib/observability/logger.js';
import { PgConnection } from '../../lib/store/typeorm/postgres/pg-connection.js';
import { statement } from '../../lib/store/typeorm/postgres/pg-session.js';
import { resolvePostgresOptions } from '../../lib/store/typeorm/postgres/postgres-options.js';
import { createPostgresStore } from '../../lib/store/typeorm/postgres/postgres-store.js';
import {
  claim,
  completed,
  newJob,
  newWorker,
  registerWorker,
  rescue,
  settle,
  startJob,
} from '../../lib/testing/store-contract/fixtures.js';
import { openPostgresApplication } from '../support/postgres-application.js';
import { type PostgresDatabase, createPostgresDatabase } from '../support/postgres-database.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

describe('PostgreSQL: faults and races', () => {
  let database: PostgresDatabase;
  let store: Store;
  let raw: pg.Client;

  beforeEach(async () => {
    database = await createPostgresDatabase();
    store = createPostgresStore({ url: database.url });
    await store.migrate();
    raw = new pg.Client({ connectionString: database.url });
    await raw.connect();
  });

  afterEach(async () => {
    await raw.end();
    await store.close();
    await database.drop();
  });

  const listening = async (): Promise<number> =>
    (await raw.query(`select 1 from pg_stat_activity where datname = current_database() and query like 'LISTEN%'`))
      .rowCount!;

  it('a connection whose BEGIN was never answered is not used again: later writes are really committed', async () => {
    const { proxy, url } = await TcpProxy.to(database.url);
    const far = createPostgresStore({ url, callTimeout: 300, listen: false, notify: false });
    try {
      await far.ping();
      const stalled = proxy.holdFrom('BEGIN');
      const failed = expect(far.insertJobs([newJob({ uniqueKey: 'a' })])).rejects.toThrow(/did not answer/);
      await stalled;
      await failed;
      proxy.release();
      const job = newJob();
      await far.insertJobs([job]);
      expect(await store.getJob(job.id)).not.toBeNull();
    } finally {
      await far.close();
      await proxy.close();
    }
  });

  it('a connection that ends between two statements fails its transaction, and not the process', async () => {
    const connection = new PgConnection(resolvePostgresOptions({ url: database.url }), null, consoleLogger);
    const gone = connection.transaction(async (session) => {
      const [row] = await session.rows<[number]>(statement('pid', 'select pg_backend_pid()'), []);
      await raw.query(`select pg_terminate_backend(${row![0]})`);
      await until('the server has let go', async () => {
        return (await raw.query(`select 1 from pg_stat_activity where pid = ${row![0]}`)).rowCount === 0;
      });
      await session.command('select 1');
    });
    await expect(gone).rejects.toThrow(StoreUnavailableError);
    await connection.close();
  });

  it('a store closes in time when the network swallows everything', async () => {
    const { proxy, url } = await TcpProxy.to(database.url);
    const far = createPostgresStore({ url, callTimeout: 300 });
    const heard: Wake[] = [];
    far.onWake((wake) => heard.push(wake));
    await until('it listens', () => heard.length > 0);
    proxy.swallow();
    await far.close();
    await proxy.close();
  });

  it('listeners that come and go leave no connection behind', async () => {
    for (let n = 0; n < 3; n++) store.onWake(() => undefined)();
    const heard: Wake[] = [];
    store.onWake((wake) => heard.push(wake));
    await until('it listens', () => heard.length > 0);
    await until('one connection listens', async () => (await listening()) === 1);
    await store.close();
    await until('none is left', async () => (await listening()) === 0);
  });

  it('a rescue leaves the job to a worker that registered and claimed it while the rescue was under way', async () => {
    const dead = await registerWorker(store, 1);
    const held = await startJob(store, { maxRetries: 9 });
    await store.deregisterWorker(held.workerId);
    // The rescue stops where it marks the dead worker, after its snapshot was taken.
    await raw.query(`create function wait_for_test() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock(7); return new; end $$`);
    await raw.query(`create trigger wait before update of state on dispatch.dispatch_workers
      for each row when (old.id = '${typeIdToUuid(dead)}') execute function wait_for_test()`);
    await raw.query('select pg_advisory_lock(7)');
    const slow = rescue(store);
    await until('the rescue waits', async () => {
      const { rowCount } = await raw.query(`select 1 from pg_locks where locktype = 'advisory' and not granted`);
      return rowCount === 1;
    });
    const id = typeIdToUuid(held.id);
    await raw.query(`update dispatch.dispatch_jobs_live set running = false, worker_id = null where id = '${id}'`);
    const worker = newWorkerId();
    await store.registerWorker(newWorker({ id: worker }), 60_000);
    const { jobs } = await claim(store, worker);
    expect(jobs.map((job) => job.id)).toEqual([held.id]);
    await raw.query('select pg_advisory_unlock(7)');
    expect(await slow).toEqual([]);
    expect(await settle(store, { ...held, workerId: worker, attempt: jobs[0]!.attempt }, completed())).toEqual({
      lost: [],
      cancelled: [],
    });
  });

  it('a unique key is free again when a repeated insert comes after its job has ended', async () => {
    const worker = await registerWorker(store);
    const job = newJob({ uniqueKey: 'daily' });
    // The first try, whose answer was lost, is still under way when it is repeated.
    await raw.query('begin');
    await raw.query(`insert into dispatch.dispatch_jobs (id, created_at, timeout_ms, priority, max_retries, name, queue, codec, unique_key)
      values ('${typeIdToUuid(job.id)}', 0, 0, 0, 0, '${job.name}', '${job.queue}', 'json', 'daily')`);
    await raw.query(`insert into dispatch.dispatch_jobs_live (id, run_at, updated_at, rank, lane, queue, name)
      values ('${typeIdToUuid(job.id)}', 0, 0, 0, 0, '${job.queue}', '${job.name}')`);
    const repeated = store.insertJobs([job], { retry: true });
    await until('the repetition waits', async () => {
      const { rowCount } = await database
        .query(`select 1 from pg_locks where locktype = 'transactionid' and not granted`)
        .then((rows) => ({ rowCount: rows.length }));
      return rowCount === 1;
    });
    await raw.query('commit');
    expect((await repeated).conflicts.size).toBe(0);
    const { jobs } = await claim(store, worker);
    await store.settleJobs(worker, [{ id: job.id, attempt: jobs[0]!.attempt, outcome: completed() }]);
    expect(await database.query('select * from dispatch.dispatch_unique_keys')).toEqual([]);
    expect((await store.insertJobs([newJob({ uniqueKey: 'daily' })])).conflicts.size).toBe(0);
  });

  it('a key that was left behind by a job that does not live is freed by who meets it', async () => {
    const first = newJob({ uniqueKey: 'daily' });
    await store.insertJobs([first]);
    await raw.query(`delete from dispatch.dispatch_jobs_live; delete from dispatch.dispatch_jobs`);
    expect((await store.insertJobs([newJob({ uniqueKey: 'daily' })])).conflicts.size).toBe(0);
  });

  describe('in a transaction of the application', () => {
    let application: DataSource;
    let inside: Store;

    beforeEach(async () => {
      application = await openPostgresApplication(database.url);
      inside = createPostgresStore({ dataSource: application });
    });

    afterEach(async () => {
      await inside.close();
      await application.destroy();
    });

    it('two inserts at the same time do not undo each other', async () => {
      await store.insertJobs([newJob({ uniqueKey: 'taken' })]);
      const kept = newJob();
      await application.transaction(async (manager) => {
        const [refused, inserted] = await Promise.allSettled([
          inside.insertJobs([newJob({ uniqueKey: 'taken', onConflict: 'error' })], { transaction: manager }),
          inside.insertJobs([kept], { transaction: manager }),
        ]);
        expect([refused.status, inserted.status]).toEqual(['rejected', 'fulfilled']);
      });
      expect(await store.getJob(kept.id)).not.toBeNull();
    });

    it('meeting a key does not hold up the settlement of the job that has it', async () => {
      const held = await startJob(store, { uniqueKey: 'busy' });
      await application.transaction(async (manager) => {
        const met = await inside.insertJobs([newJob({ uniqueKey: 'busy' })], { transaction: manager });
        expect(met.conflicts.get(0)?.kind).toBe('existing');
        expect(await settle(store, held, completed())).toEqual({ lost: [], cancelled: [] });
      });
    });

    it('wake-ups go on after the DataSource was destroyed and initialized again', async () => {
      const wakes: Wake[] = [];
      inside.onWake((wake) => wakes.push(wake));
      const insert = (queue: string) =>
        application.transaction((manager) => inside.insertJobs([newJob({ queue })], { transaction: manager }));
      await insert('before');
      await application.destroy();
      await application.initialize();
      await insert('after');
      expect(wakes).toContainEqual({ kind: 'ready', queues: ['after'] });
    });
  });
});
