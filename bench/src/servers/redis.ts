import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import type { Server } from './server.ts';

/** Every write is logged, and the log synced once a second: what BullMQ's production guide asks for. */
export const REDIS_SETTINGS: Readonly<Record<string, string>> = {
  appendonly: 'yes',
  appendfsync: 'everysec',
  save: '',
  'maxmemory-policy': 'noeviction',
};

/** How to come by a Redis. */
export const NO_REDIS =
  'no redis-server or valkey-server was found. Install one (Debian: apt-get install redis-server), or name one with REDIS_SERVER=/path/to/redis-server.';

/** The program to run, and what it says it is; null when there is none. */
export function findRedis(): { readonly program: string; readonly version: string } | null {
  const named = process.env['REDIS_SERVER'];
  for (const program of named ? [named] : ['redis-server', 'valkey-server']) {
    const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
    if (status === 0) return { program, version: /v=([\d.]+)/.exec(stdout)?.[1] ?? stdout.trim() };
  }
  return null;
}

/** Boots a Redis of our own in a temporary folder. */
export async function bootRedis({ program, version }: NonNullable<ReturnType<typeof findRedis>>): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'dispatch-bench-redis-'));
  const port = await freePort();
  const settings = Object.entries(REDIS_SETTINGS).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...settings], {
    stdio: ['ignore', 'ignore', 'inherit'],
    // An interrupt of the terminal is for the harness; it ends its servers itself.
    detached: true,
  });
  for (let tries = 0; ; tries++) {
    try {
      await command(port, 'PING');
      break;
    } catch (cause) {
      if (tries === 100) throw new Error(`${program} did not start.`, { cause });
      await delay(50);
    }
  }
  const about = `${program} ${version}: ${Object.entries(REDIS_SETTINGS)
    .map(([name, value]) => `${name} ${value || 'off'}`)
    .join(', ')}`;
  return new RedisServer(child, folder, port, about);
}

class RedisServer implements Server {
  private readonly child: ChildProcess;
  private readonly folder: string;
  private readonly port: number;
  readonly about: string;

  constructor(child: ChildProcess, folder: string, port: number, about: string) {
    this.child = child;
    this.folder = folder;
    this.port = port;
    this.about = about;
  }

  get pid(): number {
    return this.child.pid!;
  }

  async fresh(): Promise<string> {
    await command(this.port, 'FLUSHALL');
    return `redis://127.0.0.1:${this.port}`;
  }

  async settle(): Promise<void> {
    return Promise.resolve();
  }

  async countCalls(): Promise<() => Promise<number>> {
    let asked = 0;
    const count = async () => {
      const info = await command(this.port, 'INFO stats');
      // Ours are not counted.
      return Number(/total_commands_processed:(\d+)/.exec(info)?.[1]) - ++asked;
    };
    return Promise.resolve(count);
  }

  async holdSnapshot(): Promise<never> {
    return Promise.reject(new Error('Redis has no snapshots to hold.'));
  }

  async drop(): Promise<void> {
    await command(this.port, 'FLUSHALL');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const gone = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      await gone;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** One command, on a connection of its own. @returns the reply as it came */
async function command(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.setEncoding('utf8');
    await once(socket, 'connect');
    socket.write(`${text}\r\n`);
    let reply = '';
    for (;;) {
      const [chunk] = (await once(socket, 'data')) as [string];
      reply += chunk;
      if (reply.startsWith('-')) throw new Error(`Redis: ${reply.trim()}`);
      const [, length] = /^\$(\d+)\r\n/.exec(reply) ?? [];
      if (length === undefined ? reply.endsWith('\r\n') : reply.length >= Number(length) + length.length + 5)
        return reply;
    }
  } finally {
    socket.destroy();
  }
}
