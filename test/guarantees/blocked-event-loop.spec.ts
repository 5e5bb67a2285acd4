import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEngine } from '../../lib/engine/create-engine.js';
import type { Engine } from '../../lib/engine/engine.js';
import { QUICK_LEASES, WorkerProcess } from '../support/processes/worker-process.js';
import { type SharedDatabase, sharedDatabases } from '../support/server-stores.js';
import { until } from '../support/until.js';

describe.each(sharedDatabases)('a handler that blocks the event loop, on %s', (_name, createDatabase) => {
  let database: SharedDatabase;
  let producer: Engine;
  let folder: string;
  let workers: WorkerProcess[];

  beforeEach(async () => {
    database = await createDatabase();
    producer = createEngine({ store: database.store, worker: false });
    folder = await mkdtemp(join(tmpdir(), 'dispatch-blocked-'));
    workers = [];
  });

  afterEach(async () => {
    for (const worker of workers) await worker.kill();
    await producer.stop();
    await database.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const start = async (): Promise<WorkerProcess> => {
    const worker = await WorkerProcess.start({
      store: database.store,
      handlers: ['block', 'hold'],
      log: join(folder, 'log'),
      options: { ...QUICK_LEASES, abortGrace: 100 },
    });
    workers.push(worker);
    return worker;
  };

  it('for three leases keeps its job, and those beside it', async () => {
    const busy = await start();
    const beside = await producer.enqueue('hold');
    await busy.heard('holding', beside.id);
    const job = await producer.enqueue('block', { ms: 3_500 });
    await busy.heard('holding', job.id);
    await start();
    await until('it is done', async () => (await producer.jobs.get(job.id))?.state === 'completed');
    expect(await producer.jobs.get(job.id)).toMatchObject({ attempt: 1, retryCount: 0, result: busy.pid });
    busy.finish(beside.id, 'kept');
    await until('the other is done', async () => (await producer.jobs.get(beside.id))?.state === 'completed');
    expect(await producer.jobs.get(beside.id)).toMatchObject({ attempt: 1, retryCount: 0, result: 'kept' });
  });

  it('past its timeout is stuck: its process stops renewing, and another takes over', async () => {
    const stuck = await start();
    const job = await producer.enqueue('block', { ms: 60_000 }, { timeout: 500 });
    await stuck.heard('holding', job.id);
    const other = await start();
    expect((await other.heard('holding', job.id)).attempt).toBe(2);
  });
});
