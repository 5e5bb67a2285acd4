import { join } from 'node:path';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEngine } from '../../lib/engine/create-engine.js';
import type { Engine } from '../../lib/engine/engine.js';
import {
  type WorkerProcessOptions,
  QUICK_LEASES,
  WorkerProcess,
  readLog,
} from '../support/processes/worker-process.js';
import { type SharedDatabase, sharedDatabases } from '../support/server-stores.js';
import { until } from '../support/until.js';

describe.each(sharedDatabases)('processes that die, on %s', (_name, createDatabase) => {
  let database: SharedDatabase;
  let folder: string;
  let log: string;
  let producer: Engine;
  let workers: WorkerProcess[];

  const settings = (handlers: WorkerProcessOptions['handlers'], options = {}): WorkerProcessOptions => ({
    store: database.store,
    log,
    handlers,
    options: { ...QUICK_LEASES, ...options },
  });
  const startWorker = async (handlers: WorkerProcessOptions['handlers'], options = {}): Promise<WorkerProcess> => {
    const worker = await WorkerProcess.start(settings(handlers, options));
    workers.push(worker);
    return worker;
  };
  const state = async (id: string): Promise<string | undefined> => (await producer.jobs.get(id))?.state;

  beforeEach(async () => {
    database = await createDatabase();
    folder = await mkdtemp(join(tmpdir(), 'dispatch-processes-'));
    log = join(folder, 'handlers.log');
    workers = [];
    producer = createEngine({ store: database.store, worker: false });
  });

  afterEach(async () => {
    for (const worker of workers) await worker.kill();
    await producer.stop();
    await database.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('two that boot together on an empty database make its schema once, and both work', async () => {
    const booting = [WorkerProcess.spawn(settings(['quick'])), WorkerProcess.spawn(settings(['quick']))];
    workers.push(...booting);
    await Promise.all(booting.map((worker) => worker.heard('ready')));
    expect((await producer.workers()).map(({ state }) => state)).toEqual(['active', 'active']);
    const job = await producer.enqueue('quick', 1);
    await until('the job is done', async () => (await state(job.id)) === 'completed');
  });

  it('the job of one that was killed runs again elsewhere, at the price of one retry', async () => {
    const doomed = await startWorker(['hold']);
    const job = await producer.enqueue('hold');
    await doomed.heard('holding', job.id);
    await doomed.kill();
    const rescuer = await startWorker(['hold']);
    await rescuer.heard('holding', job.id);
    rescuer.finish(job.id, 'by the second');
    await until('the job is done', async () => (await state(job.id)) === 'completed');
    expect(await producer.jobs.get(job.id)).toMatchObject({
      result: 'by the second',
      attempt: 2,
      retryCount: 1,
      errors: [{ code: 'WORKER_LOST', attempt: 1 }],
    });
  });

  it('one that was stopped past its lease cannot complete the job another now runs, and works on under a new id', async () => {
    const sleeper = await startWorker(['hold', 'quick']);
    const job = await producer.enqueue('hold');
    await sleeper.heard('holding', job.id);
    const [before] = await producer.workers();
    sleeper.signal('SIGSTOP');
    const other = await startWorker(['hold']);
    await other.heard('holding', job.id);

    sleeper.signal('SIGCONT');
    expect((await sleeper.heard('aborted', job.id)).reason).toBe('LeaseLostError');
    sleeper.finish(job.id, 'too late');
    await sleeper.heard('lost', job.id);
    expect(await state(job.id)).toBe('running');
    other.finish(job.id, 'in time');
    await until('the job is done', async () => (await state(job.id)) === 'completed');
    expect((await producer.jobs.get(job.id))?.result).toBe('in time');

    const next = await producer.enqueue('quick');
    await until('the woken process works', async () => (await state(next.id)) === 'completed');
    const now = await producer.workers();
    expect(now.find(({ id }) => id === before!.id)?.state).toBe('dead');
    expect(now.filter(({ state, pid }) => state === 'active' && pid === sleeper.pid)).toHaveLength(1);
  });

  it('a job that kills its process ends in the dead-letter queue, and takes no neighbour with it', async () => {
    const poison = await producer.enqueue('poison', null, { maxRetries: 2 });
    const neighbours = await producer.enqueueMany(Array.from({ length: 20 }, (_, input) => ({ job: 'quick', input })));
    for (let attempt = 1; attempt <= 3; attempt++) {
      const worker = WorkerProcess.spawn(settings(['poison', 'quick']));
      workers.push(worker);
      await worker.gone();
    }
    await startWorker(['poison', 'quick']);
    await until('the poison has failed', async () => (await state(poison.id)) === 'failed');
    await until(
      'the neighbours are done',
      async () => (await producer.jobs.counts({ name: 'quick' })).completed === 20,
    );
    expect(await producer.jobs.get(poison.id)).toMatchObject({ attempt: 3, retryCount: 3 });
    const { entries } = await producer.dlq.list();
    expect(entries.map(({ jobId }) => jobId)).toEqual([poison.id]);
    for (const { id } of neighbours) expect((await producer.jobs.get(id))!.retryCount).toBeLessThanOrEqual(1);
  });

  it('one that is asked to end hands its unfinished job back, which costs no retry', async () => {
    const leaving = await startWorker(['hold'], { shutdownTimeout: 50, abortGrace: 50 });
    const job = await producer.enqueue('hold');
    await leaving.heard('holding', job.id);
    leaving.signal('SIGTERM');
    expect((await leaving.heard('aborted', job.id)).reason).toBe('WorkerShutdownError');
    await leaving.gone();
    expect(await producer.workers()).toEqual([]);
    expect(await producer.jobs.get(job.id)).toMatchObject({ state: 'pending', attempt: 1, retryCount: 0, errors: [] });
    const next = await startWorker(['hold']);
    await next.heard('holding', job.id);
    next.finish(job.id, 'done');
    await until('the job is done', async () => (await state(job.id)) === 'completed');
  });

  it('one that is asked to end lets a short job finish', async () => {
    const leaving = await startWorker(['hold'], { shutdownTimeout: 20_000 });
    const job = await producer.enqueue('hold');
    await leaving.heard('holding', job.id);
    leaving.signal('SIGTERM');
    await until('it is draining', async () => (await producer.workers())[0]?.state === 'draining');
    leaving.finish(job.id, 'just in time');
    await leaving.gone();
    expect(await producer.jobs.get(job.id)).toMatchObject({ state: 'completed', result: 'just in time', attempt: 1 });
  });

  it('no job is lost and none completes twice while one process after the other is killed', async () => {
    const count = 300;
    await producer.enqueueMany(Array.from({ length: count }, (_, input) => ({ job: 'quick', input, maxRetries: 20 })));
    for (let round = 0; round < 3; round++) {
      const worker = WorkerProcess.spawn(settings(['quick'], { concurrency: 5 }));
      workers.push(worker);
      const goal = ((round + 1) * count) / 5;
      await until('it has started its share', async () => (await readLog(log)).length / 2 >= goal);
      await worker.kill();
    }
    await startWorker(['quick']);
    await until('all are done', async () => (await producer.jobs.counts()).completed === count);
    const ends = (await readLog(log)).filter(({ event }) => event === 'end');
    expect(new Set(ends.map(({ id }) => id)).size).toBe(count);
    expect((await producer.dlq.list()).entries).toEqual([]);
  });
});
