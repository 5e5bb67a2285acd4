import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const SAMPLE = join(ROOT, 'dist-sample/sample/01-jobs');
const WAIT = { timeout: 30_000, interval: 50 };

/** A process of the sample, with what it has printed so far. */
class Running {
  output = '';
  readonly process: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;

  constructor(script: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.process = spawn(process.execPath, [join(SAMPLE, script), ...args], {
      cwd: ROOT,
      env: { ...process.env, DATABASE_URL: '', MAIL_URL: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.process.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.exited = new Promise((done) => this.process.once('close', (code, signal) => done({ code, signal })));
  }

  /** The first group of the pattern, as soon as it is printed. */
  printed(pattern: RegExp): Promise<string> {
    return vi.waitFor(() => {
      const match = pattern.exec(this.output);
      expect(match, this.output).not.toBeNull();
      return match?.[1] ?? '';
    }, WAIT);
  }

  /** The figure of a row of the demo's table. */
  figure(label: string): number {
    const row = this.output.split('\n').find((line) => line.trim().startsWith(`${label} `));
    expect(row, `no row "${label}" in:\n${this.output}`).toBeDefined();
    return Number(row?.trim().split(/\s+/).at(-1));
  }
}

let directory: string;
const running: Running[] = [];

function run(script: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Running {
  const started = new Running(script, args, { TMPDIR: directory, ...env });
  running.push(started);
  return started;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

beforeAll(async () => {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [tsc, '-p', 'tsconfig.sample.json'], { cwd: ROOT });
}, 180_000);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dispatch-sample-'));
  // Under root the embedded PostgreSQL runs as another user.
  await chmod(directory, 0o755);
});

afterEach(async () => {
  for (const each of running.splice(0)) {
    each.process.kill('SIGTERM');
    await each.exited;
  }
  await rm(directory, { recursive: true, force: true });
});

describe('the demo of the jobs sample', () => {
  it.each(['sqlite', 'postgres'])(
    'gives every order one PDF or one dead-letter entry though a worker is killed, on %s',
    async (store) => {
      const demo = run('demo/main.js', ['--store', store, '--orders', '120']);
      expect((await demo.exited).code, demo.output).toBe(0);

      expect(demo.output).toMatch(/worker \d+ was killed with \d+ jobs in hand/);
      expect(demo.output).toContain('OK: each of 120 orders has exactly one PDF or one DLQ entry.');
      expect(demo.figure('orders')).toBe(120);
      expect(demo.figure('PDFs on disk')).toBe(118);
      expect(demo.figure('mails sent')).toBe(118);
      expect(demo.figure('DLQ entries')).toBe(2);
      expect(demo.figure('there is no invoice template for the currency XTS')).toBe(1);
      expect(demo.figure('the mail gateway answered 500: the mailbox cannot be reached')).toBe(1);
      expect(demo.figure('gateway answered 503')).toBeGreaterThan(20);
      expect(demo.figure('retries')).toBe(demo.figure('attempts') - 120);
      expect(demo.figure('rescued')).toBeGreaterThan(0);
      expect(await readdir(directory), 'files left behind').toEqual([]);
    },
  );

  it('stops its processes and removes its files when it is interrupted', async () => {
    const demo = run('demo/main.js', ['--orders', '1000']);
    const pids = (await demo.printed(/workers (\d+ and \d+)/)).split(' and ').map(Number);
    demo.process.kill('SIGINT');

    expect((await demo.exited).code).toBe(1);
    expect(demo.output).toContain('stopped by SIGINT');
    expect(pids.filter(isAlive), 'workers still alive').toEqual([]);
    expect(await readdir(directory), 'files left behind').toEqual([]);
  });

  it('says how it is used when it is asked for a store that there is none of', async () => {
    const demo = run('demo/main.js', ['--store', 'paper']);
    expect((await demo.exited).code).toBe(2);
    expect(demo.output).toContain('--store sqlite|postgres');
  });
});

describe('the jobs sample over HTTP', () => {
  const order = {
    reference: 'A-1',
    customer: 'Ada Moreau',
    email: 'ada@mail.example',
    currency: 'EUR',
    item: 'Desk lamp',
    quantity: 2,
    unitPriceCents: 4_900,
  };

  const start = async (): Promise<{ readonly app: Running; readonly url: string }> => {
    const app = run('main.js', [], { PORT: '0', DATA_DIR: join(directory, 'data') });
    return { app, url: await app.printed(/listening on (\S+)/) };
  };
  const post = (url: string, body: unknown): Promise<Response> =>
    fetch(`${url}/orders`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  const get = async <T>(url: string): Promise<T> => (await fetch(url)).json() as Promise<T>;

  it('takes an order, renders its invoice and shows both', async () => {
    const { app, url } = await start();
    const placed = await post(url, order);
    expect(placed.status).toBe(201);
    const { id } = (await placed.json()) as { id: string };

    await vi.waitFor(async () => {
      const { job } = await get<{ job: { state: string; attempts: number } }>(`${url}/orders/${id}`);
      expect(job.state).toBe('completed');
      expect(job.attempts).toBeGreaterThanOrEqual(1);
    }, WAIT);
    const invoice = await fetch(`${url}/orders/${id}/invoice`);
    expect(invoice.headers.get('content-type')).toBe('application/pdf');
    expect((await invoice.text()).startsWith('%PDF-')).toBe(true);
    expect(await get<{ id: string }[]>(`${url}/orders`)).toMatchObject([{ id }]);
    expect(await get(`${url}/failed`)).toEqual([]);

    app.process.kill('SIGTERM');
    expect(await app.exited).toEqual({ code: null, signal: 'SIGTERM' });
  });

  it('lists an order that cannot be invoiced among the failed ones, and notes why', async () => {
    const { url } = await start();
    const { id } = (await (await post(url, { ...order, currency: 'XTS' })).json()) as { id: string };
    const reason = 'there is no invoice template for the currency XTS';

    await vi.waitFor(async () => {
      expect(await get(`${url}/failed`)).toMatchObject([{ payload: { orderId: id }, reason, attempts: 1 }]);
      expect(await get(`${url}/orders/${id}`)).toMatchObject({ problem: reason, job: { state: 'failed' } });
    }, WAIT);
    expect((await fetch(`${url}/orders/${id}/invoice`)).status).toBe(404);
  });

  it('refuses an order that is not valid, and stores nothing', async () => {
    const { url } = await start();
    const refused = await post(url, { ...order, email: 'nobody', quantity: 0 });
    expect(refused.status).toBe(400);
    expect(JSON.stringify(await refused.json())).toMatch(/email.*quantity/s);
    expect(await get(`${url}/orders`)).toEqual([]);
  });
});
