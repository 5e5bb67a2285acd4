import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Store } from '../../lib/store/store.js';
import { type SharedDatabase, sharedDatabases } from '../support/server-stores.js';

/** Where a process is killed: around the first call of a store's method, or a later one of those that come often. */
const POINTS = [
  'before:insertRuns=kill',
  'after:insertRuns=kill',
  'before:claimRuns=kill@1',
  'after:claimRuns=kill',
  'after:claimRuns=kill@1',
  'before:loadHistory=kill',
  'after:publishEvents=kill',
  ...[0, 1, 2, 4, 6].flatMap((n) => [`before:commitRuns=kill@${n}`, `after:commitRuns=kill@${n}`]),
];
/** Processes that run at the same time. */
const AT_ONCE = 3;

const OUTPUT = { total: 5, held: 'held', parts: [1, 4], event: 7, pair: ['a', 'b'], same: true };

describe.each(sharedDatabases)('a run whose process is killed, on %s', (_name, createDatabase) => {
  let database: SharedDatabase;
  let store: Store;
  let folder: string;

  beforeEach(async () => {
    database = await createDatabase();
    store = database.open();
    await store.migrate();
    folder = await mkdtemp(join(tmpdir(), 'dispatch-kills-'));
  });

  afterEach(async () => {
    await store.close();
    await database.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** @returns how the process ended */
  const run = async (name: string, failpoints: string): Promise<[number | null, NodeJS.Signals | null]> => {
    const settings = { lib: inject('builtLibrary'), store: database.store, name, failpoints, log: join(folder, 'log') };
    const script = fileURLToPath(new URL('../support/processes/failpoint-run-worker.mjs', import.meta.url));
    const child = fork(script, { env: { ...process.env, WORKER: JSON.stringify(settings) }, execArgv: [] });
    return (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  };

  it('ends in the same output, with no step lost or repeated once it was recorded', { timeout: 240_000 }, async () => {
    const todo = [...POINTS];
    const lane = async (): Promise<void> => {
      for (let point = todo.shift(); point; point = todo.shift()) {
        const name = point.replace('=kill', ' ');
        expect(await run(name, point), point).toEqual([null, 'SIGKILL']);
        expect(await run(name, ''), `after ${point}`).toEqual([0, null]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));

    const lines = (await readFile(join(folder, 'log'), 'utf8')).trim().split('\n');
    const effects = lines.map((line) => JSON.parse(line) as { readonly name: string; readonly key: string });
    for (const point of POINTS) {
      const name = point.replace('=kill', ' ');
      const { runs } = await store.listRuns({ name });
      expect(runs, name).toHaveLength(1);
      const [{ id, state, output }] = runs as [(typeof runs)[number]];
      expect([state, JSON.parse(output!)], name).toEqual(['completed', OUTPUT]);
      expect((await store.listRuns({ parentRunId: id })).runs, name).toHaveLength(2);
      const own = effects.filter((effect) => effect.name === name).map(({ key }) => key);
      const keys = new Set(own);
      for (const step of ['total', 'hold', 'a', 'b']) expect(keys, name).toContain(`${id}:step:${step}`);
      for (const key of keys)
        expect(own.filter((each) => each === key).length, `${name} ${key}`).toBeLessThanOrEqual(2);
      expect(keys, name).not.toContain('undone');
    }
  });
});
