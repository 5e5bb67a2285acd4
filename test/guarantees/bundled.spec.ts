import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { createEngine } from '../../lib/engine/create-engine.js';
import { QUICK_LEASES, WorkerProcess } from '../support/processes/worker-process.js';
import { type SharedDatabase, sharedDatabases } from '../support/server-stores.js';
import { until } from '../support/until.js';

const EXTERNAL = ['pg', 'typeorm', 'better-sqlite3', '@opentelemetry/api'];

describe.each(['es', 'cjs'] as const)('an application that is one bundled file (%s)', (format) => {
  let folder: string;
  let lib: string;
  let database: SharedDatabase | undefined;
  let workers: WorkerProcess[] = [];

  beforeAll(async () => {
    // Beside the compiled library, so that its packages are found.
    folder = await mkdtemp(join(fileURLToPath(inject('builtLibrary')), '..', '..', `bundle-${format}-`));
    const file = format === 'es' ? 'app.mjs' : 'app.cjs';
    await build({
      configFile: false,
      logLevel: 'error',
      ssr: { noExternal: true, external: EXTERNAL },
      build: {
        ssr: fileURLToPath(inject('builtLibrary')),
        outDir: folder,
        emptyOutDir: false,
        minify: true,
        rolldownOptions: { external: EXTERNAL, output: { format, entryFileNames: file, codeSplitting: false } },
      },
    });
    lib = pathToFileURL(join(folder, file)).href;
  });

  afterEach(async () => {
    for (const worker of workers) await worker.kill();
    workers = [];
    await database?.remove();
    database = undefined;
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(sharedDatabases)('keeps the lease of a handler that blocks the event loop, on %s', async (_name, create) => {
    database = await create();
    const options = { store: database.store, handlers: ['block'] as const, log: join(folder, 'log'), lib };
    const busy = await WorkerProcess.start({ ...options, options: { ...QUICK_LEASES, abortGrace: 100 } });
    workers.push(busy);
    const producer = createEngine({ store: database.store, worker: false });
    const job = await producer.enqueue('block', { ms: 2_500 });
    await busy.heard('holding', job.id);
    workers.push(await WorkerProcess.start(options));
    await until('it is done', async () => (await producer.jobs.get(job.id))?.state === 'completed');
    expect(await producer.jobs.get(job.id)).toMatchObject({ attempt: 1, retryCount: 0, result: busy.pid });
    await producer.stop();
  });
});
