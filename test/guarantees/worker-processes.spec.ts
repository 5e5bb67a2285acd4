import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { createEngine } from '../../lib/engine/create-engine.js';
import type { Engine } from '../../lib/engine/engine.js';
import { QUICK_LEASES, WorkerProcess } from '../support/processes/worker-process.js';
import { type SharedDatabase, sharedDatabases } from '../support/server-stores.js';
import { until } from '../support/until.js';

describe.each(sharedDatabases)('worker processes, on %s', (_name, createDatabase) => {
  let database: SharedDatabase;
  let producer: Engine;
  let folder: string;

  beforeEach(async () => {
    database = await createDatabase();
    producer = createEngine({ store: database.store, worker: false });
    folder = await mkdtemp(join(tmpdir(), 'dispatch-worker-'));
  });

  afterEach(async () => {
    await producer.stop();
    await database.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('live on while they have nothing to do, and end by themselves when they are stopped', async () => {
    const log = join(folder, 'log');
    const settings = JSON.stringify({ lib: inject('builtLibrary'), store: database.store, log });
    const script = fileURLToPath(new URL('../support/processes/lonely-worker.mjs', import.meta.url));
    const child = spawn(process.execPath, [script], { env: { ...process.env, WORKER: settings }, stdio: 'ignore' });
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(0);
    expect(await readFile(log, 'utf8')).toMatch(/^job_/);
  });

  it('that are NestJS applications let a short job finish when they are told to end', async () => {
    const options = { ...QUICK_LEASES, shutdownTimeout: '20s' } as const;
    const worker = await WorkerProcess.start({ store: database.store, kind: 'nest', handlers: [], log: '', options });
    const job = await producer.enqueue('hold');
    await worker.heard('holding', job.id);
    worker.signal('SIGTERM');
    await until('it is draining', async () => (await producer.workers())[0]?.state === 'draining');
    worker.finish(job.id, 'just in time');
    await worker.gone();
    expect(await producer.jobs.get(job.id)).toMatchObject({ state: 'completed', result: 'just in time', attempt: 1 });
    expect(await producer.workers()).toEqual([]);
  });

  it('that are NestJS applications hand back what does not finish, at no cost', async () => {
    const options = { ...QUICK_LEASES, shutdownTimeout: 50, abortGrace: 50 };
    const worker = await WorkerProcess.start({ store: database.store, kind: 'nest', handlers: [], log: '', options });
    const job = await producer.enqueue('hold');
    await worker.heard('holding', job.id);
    worker.signal('SIGTERM');
    expect((await worker.heard('aborted', job.id)).reason).toBe('WorkerShutdownError');
    await worker.gone();
    expect(await producer.jobs.get(job.id)).toMatchObject({ state: 'pending', attempt: 1, retryCount: 0 });
  });
});
