import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { createEngine } from '../../lib/engine/create-engine.js';
import type { Store } from '../../lib/store/store.js';
import type { FailpointMethod } from '../../lib/testing/failpoints/failpoints.js';
import { registerWorker, startJob } from '../../lib/testing/store-contract/fixtures.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { type SharedDatabase, sharedDatabases } from '../support/server-stores.js';
import { until } from '../support/until.js';

const JOB_PATH: readonly FailpointMethod[] = [
  'insertJobs',
  'registerWorker',
  'claimJobs',
  'settleJobs',
  'reportJobs',
  'heartbeat',
  'rescueJobs',
  'drainWorker',
  'deregisterWorker',
];
const POINTS = JOB_PATH.flatMap((method) => [`before:${method}`, `after:${method}`]);
/** Processes that die at the same time: more than there are cores, as they mostly wait. */
const AT_ONCE = 3;

interface Line {
  readonly event: 'enqueued' | 'start';
  readonly id: string;
  readonly queue: string;
}

describe.each(sharedDatabases)(
  'a process that is killed around a call of the store, on %s',
  (_name, createDatabase) => {
    let database: SharedDatabase;
    let store: Store;
    let folder: string;

    beforeEach(async () => {
      database = await createDatabase();
      store = database.open();
      await store.migrate();
      folder = await mkdtemp(join(tmpdir(), 'dispatch-failpoints-'));
    });

    afterEach(async () => {
      await store.close();
      await database.remove();
      await rm(folder, { recursive: true, force: true });
    });

    /** @returns the signal that ended the process, `null` when it came to its own end */
    const die = async (point: string): Promise<NodeJS.Signals | null> => {
      const settings = {
        lib: inject('builtLibrary'),
        store: database.store,
        queue: point,
        failpoints: `${point}=kill`,
        log: join(folder, 'log'),
      };
      const script = fileURLToPath(new URL('../support/processes/failpoint-worker.mjs', import.meta.url));
      const child = fork(script, { env: { ...process.env, WORKER: JSON.stringify(settings) }, execArgv: [] });
      return ((await once(child, 'exit')) as [number | null, NodeJS.Signals | null])[1];
    };

    // Eighteen processes of one test: on a busy machine more than the usual minute.
    it('leaves no job lost and none done twice, whichever call it is', { timeout: 240_000 }, async () => {
      const orphans: string[] = [];
      const todo = [...POINTS];
      const killed: string[] = [];
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          for (let point = todo.shift(); point; point = todo.shift()) {
            // Something to rescue, in a queue that only the survivor works on.
            const worker = await registerWorker(store);
            orphans.push((await startJob(store, { name: 'orphan', queue: `orphans ${point}` }, worker)).id);
            await store.deregisterWorker(worker);
            expect(await die(point), point).toBe('SIGKILL');
            killed.push(point);
          }
        }),
      );
      expect(killed.sort()).toEqual([...POINTS].sort());

      const ends: string[] = [];
      const survivor = createEngine({
        store,
        logger: new RecordingLogger(),
        queues: [...POINTS, ...POINTS.map((point) => `orphans ${point}`)],
        heartbeat: 100,
        lease: 1_000,
        pollInterval: 20,
        maxPollInterval: 20,
      });
      survivor.on('jobCompleted', ({ job }) => ends.push(job.id));
      survivor.register('work', () => undefined);
      survivor.register('orphan', () => undefined);
      await survivor.start();
      await until('all have ended', async () => {
        const { pending, retrying, running } = await store.countJobs();
        return pending + retrying + running === 0;
      });
      await survivor.stop();

      const { jobs } = await store.listJobs({ limit: 1_000 });
      const lines = (await readFile(join(folder, 'log'), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
      const ids = new Set<string>(jobs.map(({ id }) => id));
      for (const { id } of lines.filter(({ event }) => event === 'enqueued')) expect(ids).toContain(id);
      for (const id of orphans) expect(ids).toContain(id);
      expect(new Set(ends).size).toBe(ends.length);
      const starts = (queue: string): number =>
        lines.filter((line) => line.event === 'start' && line.queue === queue).length;
      for (const job of jobs) expect(job).toMatchObject({ state: 'completed', workerId: null });
      // An enqueue that died on its way never was, and one that died on its way back is there.
      const inQueue = (queue: string): number => jobs.filter((job) => job.queue === queue).length;
      expect([inQueue('before:insertJobs'), inQueue('after:insertJobs')]).toEqual([0, 1]);
      // What was settled is not done again, and what was not is.
      expect(starts('after:settleJobs')).toBe(3);
      const redone = (queue: string): number => jobs.filter((job) => job.queue === queue && job.retryCount > 0).length;
      // How many of the three had ended when the first settlement was written is up to the machine.
      expect(redone('after:settleJobs')).toBeLessThan(3);
      expect(redone('before:settleJobs')).toBe(3);
      expect(redone('before:claimJobs')).toBe(0);
      expect(redone('after:deregisterWorker')).toBe(0);
    });
  },
);
