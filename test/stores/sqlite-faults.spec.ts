import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { createEngine } from '../../lib/engine/create-engine.js';
import type { Engine } from '../../lib/engine/engine.js';
import type { EngineOptions } from '../../lib/engine/options.js';
import { StoreUnavailableError } from '../../lib/errors.js';
import { FAST_POLLING, reached } from '../support/job-states.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { SqliteFiles } from '../support/sqlite-files.js';
import { until } from '../support/until.js';

/** How often each of two processes is killed. */
const KILLS = 4;

describe('SQLite under fire', () => {
  const files = new SqliteFiles();
  let database: string;
  let engines: Engine[];

  beforeEach(async () => {
    database = await files.create();
    engines = [];
  });

  afterEach(async () => {
    for (const engine of engines) await engine.stop();
    await files.remove();
  });

  const open = (
    logger = new RecordingLogger(),
    store: EngineOptions['store'] = { type: 'sqlite', database },
  ): Engine => {
    const engine = createEngine({
      store,
      logger,
      ...FAST_POLLING,
      heartbeat: 100,
      lease: 1_000,
      shutdownTimeout: 100,
    });
    engines.push(engine);
    return engine;
  };

  const busyProcess = async (log: string): Promise<ChildProcess> => {
    const script = fileURLToPath(new URL('../support/processes/busy-process.mjs', import.meta.url));
    const settings = { lib: inject('builtLibrary'), store: { type: 'sqlite', database }, log };
    const child = fork(script, { env: { ...process.env, WORKER: JSON.stringify(settings) }, execArgv: [] });
    await once(child, 'message');
    return child;
  };

  const lines = async (log: string): Promise<string[]> =>
    (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line.length === 30);

  it('two processes that are killed in the middle of their writes leave a sound file, and no acknowledged job is lost', async () => {
    const log = `${database}.log`;
    let killed = 0;
    const lives = [0, 1].map(async (place) => {
      for (let life = 0; life < KILLS; life++) {
        const child = await busyProcess(log);
        const before = (await lines(log)).length;
        await until('it has written', async () => (await lines(log)).length > before);
        // Somewhere in the middle of what it does next.
        await pause(((life * 7 + place * 13) % 40) + 1);
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
        killed += 1;
        const raw = new BetterSqlite3(database);
        expect(raw.pragma('integrity_check', { simple: true })).toBe('ok');
        raw.close();
      }
    });
    await Promise.all(lives);
    expect(killed).toBe(KILLS * 2);

    const ends: string[] = [];
    const survivor = open();
    survivor.on('jobCompleted', ({ job }) => ends.push(job.id));
    survivor.register('work', () => undefined);
    await survivor.start();
    await until(
      'all have ended',
      async () => {
        const { pending, running, retrying } = await survivor.jobs.counts();
        return pending + running + retrying === 0;
      },
      30_000,
    );
    const counts = await survivor.jobs.counts();
    const acknowledged = await lines(log);
    expect(acknowledged.length).toBeGreaterThan(KILLS * 2);
    const raw = new BetterSqlite3(database);
    const completed = new Set(raw.prepare(`select id from dispatch_jobs where state = 'completed'`).pluck().all());
    raw.close();
    expect(acknowledged.filter((id) => !completed.has(id))).toEqual([]);
    expect(counts.failed).toBe(0);
    expect(new Set(ends).size).toBe(ends.length);
  });

  it('a disk that is full is reported to who enqueues, and outcomes are written once there is room again', async () => {
    const logger = new RecordingLogger();
    // How large a file may grow is a limit of the connection, and this is where the engine's own can be had.
    let own: BetterSqlite3.Database | undefined;
    const prepareDatabase = (db: unknown): void => void (own = db as BetterSqlite3.Database);
    const engine = open(logger, { dataSource: new DataSource({ type: 'better-sqlite3', database, prepareDatabase }) });
    let release!: (result: string) => void;
    engine.register('hold', () => new Promise<string>((resolve) => (release = resolve)));
    engine.register('quick', () => undefined);
    await engine.start();
    const { id } = await engine.enqueue('hold');
    await reached(engine, id, 'running');

    const raw = own!;
    const pages = raw.pragma('page_count', { simple: true }) as number;
    raw.pragma(`max_page_count = ${pages}`);
    // Whatever is still free in the file is taken first.
    const full = await until('the disk is full', () =>
      engine.enqueue('filler', 'x'.repeat(50_000), { delay: '1h' }).then(
        () => null,
        (error: unknown) => error,
      ),
    );
    expect(full).toBeInstanceOf(StoreUnavailableError);
    expect((full as Error).message).toContain(database);
    expect((full as Error).message).toContain('SQLITE_FULL');

    release('y'.repeat(50_000));
    await until('the outcome cannot be written', () =>
      logger.errors.some((line) => line.includes('could not be written yet') && line.includes('SQLITE_FULL')),
    );
    expect((await engine.jobs.get(id))?.state).toBe('running');
    raw.pragma('max_page_count = 1000000');
    expect((await reached(engine, id, 'completed')).attempt).toBe(1);
    await reached(engine, (await engine.enqueue('quick')).id, 'completed');
  });

  it('a lock that others hold longer than the lease keeps nobody’s work: outcomes are written when it is free', async () => {
    const engine = open();
    engine.register('quick', () => 'done');
    await engine.start();
    const holder = new BetterSqlite3(database);
    holder.exec('BEGIN IMMEDIATE');
    const enqueued = engine.enqueue('quick');
    await pause(1_500);
    holder.exec('COMMIT');
    holder.close();
    expect(await reached(engine, (await enqueued).id, 'completed')).toMatchObject({ attempt: 1, result: 'done' });
  });
});
