import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createEngine } from '../../lib/engine/index.js';
import { type PostgresDatabase, createPostgresDatabase } from '../support/postgres-database.js';
import type { Ask } from '../../lib/cli/doctor/postgres.js';
import { postgresActivity } from '../../lib/cli/doctor/postgres-activity.js';
import { runCli } from './support/run-cli.js';

/** Everything about the tables that two ways of making them could differ in. */
const SHAPE = `
  select 'column' as kind, table_name || '.' || column_name as name,
    concat_ws(' ', data_type, is_nullable, column_default, is_identity, collation_name) as what
    from information_schema.columns where table_schema = 'jobs'
  union all select 'index', indexname, indexdef from pg_indexes where schemaname = 'jobs'
  union all select 'options', relname, array_to_string(reloptions, ',') from pg_class
    where relnamespace = 'jobs'::regnamespace and reloptions is not null
  order by 1, 2, 3`;

describe('the command line on PostgreSQL', () => {
  let database: PostgresDatabase;
  let args: readonly string[];

  beforeAll(async () => {
    database = await createPostgresDatabase();
    args = ['--url', database.url, '--schema', 'jobs'];
  });
  beforeEach(async () => {
    await database.query('drop schema if exists jobs cascade');
  });
  afterAll(() => database.drop());

  const cli = (command: string, ...more: string[]) => runCli([command, ...args, ...more]);

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: database.url, application_name: 'a long report' });
    await client.connect();
    onTestFinished(() => client.end());
    return client;
  }

  it('says what is pending, applies it, and says that it is applied', async () => {
    const before = await cli('status');
    expect(before.out).toContain('pending  0001-jobs');
    expect(before.code).toBe(1);
    const migrated = await cli('migrate');
    expect(migrated.out).toContain('applied 0001-jobs');
    expect(migrated.code).toBe(0);
    const after = await runCli(['status', '--schema', 'jobs'], { DATABASE_URL: database.url });
    expect(after.out).toMatch(/applied {2}0001-jobs {2}\d{4}-/);
    expect(after.code).toBe(0);
    expect((await cli('migrate')).out).toBe('nothing was pending\n');
  });

  it('prints SQL without a database that makes what migrate makes, and that a strict application accepts', async () => {
    await cli('migrate');
    const made = await database.query(SHAPE);
    await database.query('drop schema jobs cascade');
    const { out, code } = await runCli(['sql', '--type', 'postgres', '--schema', 'jobs']);
    expect(code).toBe(0);
    await database.query(out);
    expect(made.length).toBeGreaterThan(50);
    expect(await database.query(SHAPE)).toEqual(made);
    expect((await cli('status')).code).toBe(0);
    const engine = createEngine({
      store: { type: 'postgres', url: database.url, schema: 'jobs' },
      migrations: 'check',
      worker: false,
    });
    onTestFinished(() => engine.stop());
    await engine.open();
    await engine.enqueue('works');
  });

  it('prints SQL that somebody who may not create schemas can run in one that exists', async () => {
    await database.query('create schema jobs');
    await database.query((await runCli(['sql', '--type', 'postgres', '--schema', 'jobs'])).out);
    expect((await cli('status')).code).toBe(0);
    await expect(database.query((await cli('sql', '--all')).out), 'twice is refused as a whole').rejects.toThrow(
      'already exists',
    );
  });

  it('prints what is pending only, when it is given the database', async () => {
    expect((await cli('sql')).out).toContain('create table "jobs".dispatch_jobs (');
    await cli('migrate');
    expect(await cli('sql')).toEqual({ code: 0, out: '-- nothing is pending\n', err: '' });
    expect((await cli('sql', '--all')).out).toContain('create table "jobs".dispatch_jobs (');
  });

  describe('doctor', () => {
    it('finds nothing wrong with a database that is right', async () => {
      await cli('migrate');
      const { out, code } = await cli('doctor');
      expect(out).toMatch(/ok +version: PostgreSQL \d/);
      expect(out).toMatch(/ok +migrations: all \d+ are applied/);
      expect(out).toMatch(/ok +rights: the tables of schema "jobs" may be read and written/);
      expect(out).toMatch(/ok +clock: /);
      expect(out).toContain('0 problems, ');
      expect(code).toBe(0);
    });

    it('finds pending migrations, and says what to run', async () => {
      const { out, code } = await cli('doctor');
      expect(out).toMatch(/problem +migrations: pending: 0001-jobs/);
      expect(out).toContain('-> Run nestjs-dispatch migrate');
      expect(out).toMatch(/ok +rights: the schema "jobs" is missing, and may be created/);
      expect(code).toBe(1);
    });

    it('finds a server that does not answer, a wrong password and a missing database, each with its remedy', async () => {
      const none = await runCli(['doctor', '--url', 'postgres://app@127.0.0.1:1/app']);
      expect(none.out).toMatch(/problem +connection: refused: .*ECONNREFUSED/);
      expect(none.out).toContain('-> Is the server running');
      expect(none.code).toBe(1);
      const wrong = await runCli([
        'doctor',
        '--url',
        database.url.replace('postgres:postgres@', 'postgres:wrong-password@'),
      ]);
      expect(wrong.out).toContain('-> Check user and password');
      const missing = await runCli(['doctor', '--url', `${database.url}_missing`]);
      expect(missing.out).toContain('-> Create the database');
    });

    it('finds settings that lose work or pile up dead rows', async () => {
      await cli('migrate');
      const name = new URL(database.url).pathname.slice(1);
      await database.query(`alter database ${name} set synchronous_commit to off`);
      await database.query('alter table jobs.dispatch_jobs_live set (autovacuum_enabled = false)');
      onTestFinished(async () => {
        await database.query(`alter database ${name} reset synchronous_commit`);
      });
      const { out } = await cli('doctor');
      expect(out).toMatch(/warning +synchronous_commit: off: a crash of the server can lose jobs/);
      expect(out).toContain('set synchronous_commit to on;');
      expect(out).toMatch(/warning +autovacuum: switched off for dispatch_jobs_live/);
      expect(out).toContain('alter table "jobs".dispatch_jobs_live reset (autovacuum_enabled);');
      // The servers of these tests run without fsync.
      expect(out).toMatch(/warning +fsync: off/);
    });

    it('names who holds a lock on a table, and leaves out what they run', async () => {
      await cli('migrate');
      const client = await connect();
      await client.query('begin');
      await client.query('lock table jobs.dispatch_workers in access exclusive mode');
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      expect((await cli('doctor')).out).toContain(`process ${rows[0]!.pid} has locked all of dispatch_workers`);
    });

    it('names who holds an old snapshot, and leaves out young ones', async () => {
      const client = await connect();
      await client.query('begin isolation level repeatable read');
      await client.query(`select 'private data'`);
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const ask: Ask = async (text, values = []) => {
        const other = new pg.Client({ connectionString: database.url });
        await other.connect();
        const found = await other.query<Record<string, unknown>>(text, [...values]).finally(() => other.end());
        return found.rows;
      };
      const [finding] = await postgresActivity(ask, 'jobs', 0);
      expect(finding).toMatchObject({ level: 'warning', about: 'snapshots' });
      expect(finding?.text).toContain(`process ${rows[0]!.pid} ("a long report"`);
      expect(finding?.remedy).toContain(`pg_terminate_backend(${rows[0]!.pid})`);
      expect(JSON.stringify(finding)).not.toContain('private data');
      expect(await postgresActivity(ask, 'jobs')).toMatchObject([{ level: 'ok' }]);
    });

    it('names prepared transactions and slots that hold one', async () => {
      const ask: Ask = async (text) => {
        if (text.includes('from pg_prepared_xacts')) return [{ gid: 'forgotten', seconds: 900 }];
        return text.includes('from pg_replication_slots') ? [{ name: 'old_replica' }] : [];
      };
      expect(await postgresActivity(ask, 'jobs')).toMatchObject([
        { level: 'warning', text: expect.stringContaining('"forgotten" has waited for 900 s') },
        { level: 'warning', text: expect.stringContaining('slot "old_replica" has no reader') },
      ]);
    });

    it('finds a database that cannot hold every character', async () => {
      await database.query(`create database ascii_only encoding 'SQL_ASCII' template template0 locale 'C'`);
      onTestFinished(async () => {
        await database.query('drop database ascii_only with (force)');
      });
      const url = database.url.replace(/\/[^/]+$/, '/ascii_only');
      expect((await runCli(['doctor', '--url', url])).out).toMatch(/problem +encoding: .*SQL_ASCII/);
    });

    it('finds a user who lacks rights, and says what to grant', async () => {
      await cli('migrate');
      await database.query(`create role reader login password 'reader-password'`);
      onTestFinished(async () => {
        await database.query('drop owned by reader; drop role reader');
      });
      const url = database.url.replace('postgres:postgres@', 'reader:reader-password@');
      const doctor = () => runCli(['doctor', '--url', url, '--schema', 'jobs']);
      expect((await doctor()).out).toContain('-> As its owner: grant usage on schema "jobs"');
      await database.query('grant usage on schema jobs to reader; grant select on all tables in schema jobs to reader');
      const { out, code } = await doctor();
      expect(out).toMatch(/problem +rights: rights are missing on .*dispatch_dlq \(/);
      expect(out).toContain('-> As their owner: grant select, insert, update, delete');
      expect(code).toBe(1);
      await database.query('grant insert, update, delete on all tables in schema jobs to reader');
      expect((await doctor()).out).toMatch(/ok +rights/);
    });
  });
});
