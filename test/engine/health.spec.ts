import { hostname } from 'node:os';
import { expect, it } from 'vitest';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { VERSION } from '../../lib/version.js';

describeOnEachStore('health and workers', (given) => {
  it('an engine is up while its store answers, and down while it does not', async () => {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({ store: faulty.store, concurrency: 3 });
    await engine.start();
    const { worker, ...up } = await engine.health();
    expect(up).toEqual({
      status: 'up',
      state: 'running',
      store: { kind: given().kind, pingMs: expect.any(Number), error: undefined },
    });
    expect(worker).toEqual({ id: expect.stringMatching(/^wkr_/), active: 0, concurrency: 3 });
    faulty.fail('ping');
    expect(await engine.health()).toMatchObject({
      status: 'down',
      store: { kind: given().kind, pingMs: undefined, error: expect.stringContaining('the store is down') },
    });
    expect((await engine.health()).status).toBe('up');
    await engine.stop();
    expect(await engine.health()).toMatchObject({
      status: 'down',
      state: 'stopped',
      store: { error: expect.stringContaining('closed') },
    });
  });

  it('the workers are listed while they run, with what they work on', async () => {
    const engine = given().engine({
      concurrency: 7,
      queues: ['urgent', { name: 'bulk', concurrency: 2 }],
      metadata: { zone: 'a' },
    });
    const other = given().engine();
    await engine.start();
    await other.start();
    const workers = await other.workers();
    expect(workers).toHaveLength(2);
    expect(workers[0]).toMatchObject({
      id: (await engine.health()).worker!.id,
      hostname: hostname(),
      pid: process.pid,
      version: VERSION,
      state: 'active',
      queues: ['urgent', 'bulk'],
      concurrency: 7,
      metadata: { zone: 'a' },
    });
    await engine.stop();
    expect((await other.workers()).map(({ id }) => id)).toEqual([workers[1]!.id]);
  });

  it('the schema of the store is up to date', async () => {
    const engine = given().engine({ worker: false });
    await engine.open();
    const migrations = await engine.migrations();
    expect(migrations.every(({ appliedAt }) => appliedAt !== null)).toBe(true);
    expect(migrations.length > 0).toBe(given().kind !== 'memory');
  });
});
