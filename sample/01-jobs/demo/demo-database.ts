import { randomBytes } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { fromEnvironment } from '../settings.js';
import { Child } from './child-process.js';
import type { Cleanup } from './cleanup.js';

/**
 * A PostgreSQL database of the demo's own, on the server of `DATABASE_URL` or on an embedded one, dropped at the end.
 *
 * @returns its URL
 */
export async function createDemoDatabase(
  directory: string,
  cleanup: Cleanup,
  onCrash: (error: Error) => void,
): Promise<string> {
  const serverUrl = fromEnvironment('DATABASE_URL') ?? (await startEmbeddedPostgres(directory, cleanup, onCrash));
  const name = `dispatch_demo_${randomBytes(4).toString('hex')}`;
  await query(serverUrl, `CREATE DATABASE ${name}`);
  cleanup.add('the database', () => query(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function startEmbeddedPostgres(
  directory: string,
  cleanup: Cleanup,
  onCrash: (error: Error) => void,
): Promise<string> {
  const home = join(directory, 'postgres');
  await mkdir(home);
  // As root the server runs as another user, who must be able to get to its folder.
  if (process.getuid?.() === 0) await chmod(directory, 0o755);
  const child = new Child(
    {
      name: 'PostgreSQL',
      script: new URL('./postgres.process.js', import.meta.url),
      env: { POSTGRES_DIR: home },
      logFile: join(directory, 'postgres.log'),
    },
    onCrash,
  );
  cleanup.add('PostgreSQL', () => child.stop());
  return String(await child.ready);
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
