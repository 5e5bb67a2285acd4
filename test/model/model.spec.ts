import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../lib/store/store.js';
import { createMemoryStore } from '../../lib/store/memory/memory-store.js';
import { createPostgresStore } from '../../lib/store/typeorm/postgres/postgres-store.js';
import { createSqliteStore } from '../../lib/store/typeorm/sqlite/sqlite-store.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { createPostgresDatabase } from '../support/postgres-database.js';
import { SqliteFiles } from '../support/sqlite-files.js';
import * as jobs from './job-steps.js';
import * as looks from './look-steps.js';
import { ReferenceModel } from './reference-model.js';
import * as workers from './worker-steps.js';
import { World } from './world.js';

/** Set by `npm run test:model -- --runs 2000 --seed 7`; left out: few runs, always the same. */
const RUNS = Number(process.env['MODEL_RUNS'] ?? 0);
const SEED = Number(process.env['MODEL_SEED'] ?? 42);
const LENGTH = 60;

interface Subject {
  /** An empty store. */
  empty(): Promise<Store>;
  dispose(): Promise<void>;
}

const clock = new TestClock();

async function memory(): Promise<Subject> {
  return { empty: async () => createMemoryStore({ clock }), dispose: async () => undefined };
}

async function sqlite(): Promise<Subject> {
  const files = new SqliteFiles();
  const database = await files.create();
  const store = createSqliteStore({ database, clock, synchronous: 'normal' });
  await store.migrate();
  const { default: BetterSqlite3 } = await import('better-sqlite3');
  const raw = new BetterSqlite3(database);
  const tables = raw
    .prepare(
      `select name from sqlite_master where type = 'table' and name like 'dispatch_%' and name <> 'dispatch_migrations'`,
    )
    .pluck()
    .all() as string[];
  return {
    async empty() {
      raw.exec(tables.map((table) => `delete from ${table};`).join(''));
      return store;
    },
    async dispose() {
      raw.close();
      await store.close();
      await files.remove();
    },
  };
}

async function postgres(): Promise<Subject> {
  const database = await createPostgresDatabase();
  const store = createPostgresStore({ url: database.url, clock, listen: false, notify: false });
  await store.migrate();
  const tables = await database.query(
    `select format('dispatch.%I', tablename) as name from pg_tables where schemaname = 'dispatch' and tablename <> 'dispatch_migrations'`,
  );
  const { default: pg } = await import('pg');
  const raw = new pg.Client({ connectionString: database.url });
  await raw.connect();
  // A truncate costs more than the run that follows it.
  const clear = tables.map(({ name }) => `delete from ${String(name)};`).join('');
  return {
    async empty() {
      await raw.query(clear);
      return store;
    },
    async dispose() {
      await raw.end();
      await store.close();
      await database.drop();
    },
  };
}

/** More of the calls that lead somewhere. */
const STEPS = [
  ...[jobs.insertJobs, jobs.insertJobs, jobs.insertJobs, jobs.claimJobs, jobs.claimJobs, jobs.claimJobs],
  ...[jobs.settleJobs, jobs.settleJobs, jobs.settleJobs, workers.advance, workers.advance, workers.registerWorker],
  ...Object.values(jobs),
  ...Object.values(workers),
  ...Object.values(looks),
];

describe.each([
  ['memory', memory, 100],
  ['SQLite', sqlite, 50],
  ['PostgreSQL', postgres, 12],
] as const)('random calls of every kind on %s', (_name, create, runs) => {
  let subject: Subject;

  beforeAll(async () => {
    subject = await create();
  });

  afterAll(() => subject.dispose());

  it('do what they do to a model that is a few maps', { timeout: 600_000 + RUNS * 1_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(STEPS, { maxCommands: LENGTH, size: 'max' }), async (commands) => {
        clock.set(Date.UTC(2030, 0, 1));
        const store = await subject.empty();
        await fc.asyncModelRun(() => ({ model: new ReferenceModel(clock), real: new World(store, clock) }), commands);
      }),
      { numRuns: RUNS || runs, seed: SEED, endOnFailure: false, interruptAfterTimeLimit: 540_000 + RUNS * 1_000 },
    );
  });

  it('are calls of every method about jobs and workers', async () => {
    const others = ['migrate', 'migrations', 'onWake', 'transaction', 'close', 'pulse', 'listWorkers', 'ping'];
    const known = new Set([...Object.keys(jobs), ...Object.keys(workers), ...Object.keys(looks), ...others]);
    const store = await subject.empty();
    const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(store)).filter(
      (name) => typeof Reflect.get(store, name) === 'function' && /^[a-z]/.test(name),
    );
    const internal = ['constructor', 'run', 'read', 'write', 'steer', 'existing', 'emit'];
    // Runs and events have cases of their own in the store contract.
    const ofRuns = /Runs?$|Events?$|^loadHistory$|^loadWaits$|^listCheckpoints$/;
    expect(methods.filter((name) => !known.has(name) && !internal.includes(name) && !ofRuns.test(name))).toEqual([]);
  });
});
