import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.js';
import { type PostgresDatabase, createPostgresDatabase } from '../support/postgres-database.js';

const script = fileURLToPath(new URL('../support/processes/nest-application.mjs', import.meta.url));

let database: PostgresDatabase;

beforeAll(async () => {
  database = await createPostgresDatabase();
});
afterAll(() => database.drop());

/** Runs an application in a process of its own, which nothing but itself ends. */
async function runApplication(kind: string, store: object) {
  const folder = await mkdtemp(join(tmpdir(), 'dispatch-nest-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const log = join(folder, 'log');
  const given = 'database' in store ? { ...store, database: join(folder, 'jobs.db') } : store;
  const application = { lib: inject('builtLibrary'), store: given, kind, port: await freePort(), log };
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, NODE_ENV: 'test', APPLICATION: JSON.stringify(application) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return { code, signal, errors, steps: (await readFile(log, 'utf8').catch(() => 'none')).trim().split('\n') };
}

const CLEAN = { code: 0, signal: null, errors: '', steps: ['ready', 'handled', 'closed'] };

describe('an application', () => {
  // The job is due in half a second and nothing else goes on: a process that does not live for it ends before.
  // In memory there is nothing else that could keep it, neither a connection nor the thread that keeps the lease.
  it.each([{ type: 'memory' }, { type: 'sqlite', database: '' }])(
    'without a server lives on while it has no work, and ends by itself when it is closed ($type)',
    async (store) => {
      expect(await runApplication('standalone', store)).toEqual(CLEAN);
    },
  );

  it.each(['express', 'fastify', 'hybrid'])('of the kind %s leaves no handle open when it is closed', async (kind) => {
    expect(await runApplication(kind, { type: 'memory' })).toEqual(CLEAN);
  });

  it('on PostgreSQL leaves no connection, listener or thread behind when it is closed', async () => {
    expect(await runApplication('standalone', { type: 'postgres', url: database.url })).toEqual(CLEAN);
  });
});
