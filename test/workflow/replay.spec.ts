import { expect, it } from 'vitest';
import { describeOnEachStore } from '../support/each-store.js';
import { NO_POLLING } from '../support/job-states.js';
import { reachedRun, recorded } from '../support/workflow-engine.js';
import { until } from '../support/until.js';

describeOnEachStore('replays', (given) => {
  it('a history that the method does not fit names both steps, does nothing, and can be resumed', async () => {
    const engine = given().engine({ ...NO_POLLING, parkGrace: 0 });
    const effects: string[] = [];
    const method =
      (step: string) => async (_: unknown, wf: Parameters<Parameters<typeof engine.registerWorkflow>[1]>[1]) => {
        await wf.step(step, () => effects.push(step));
        await wf.waitForEvent('go');
        await wf.step('end', () => effects.push('end'));
      };
    const away = engine.registerWorkflow('order', method('charge'));
    await engine.start();
    const { id } = await engine.startWorkflow('order');
    await reachedRun(engine, id, 'waiting');
    away();
    const changed = engine.registerWorkflow('order', method('pay'));
    await engine.publishEvent('go');
    const stuck = await until('the run is stuck', async () => {
      const run = await engine.runs.get(id);
      return run?.error ? run : null;
    });
    expect(stuck).toMatchObject({ state: 'waiting', workerId: undefined, error: { code: 'WORKFLOW_MISMATCH' } });
    expect(stuck.error?.message).toMatch(/step "charge".*step "pay"/);
    expect(effects).toEqual(['charge']);
    changed();
    engine.registerWorkflow('order', method('charge'));
    await engine.runs.resume(id);
    await reachedRun(engine, id, 'completed');
    expect(effects).toEqual(['charge', 'end']);
  });

  it('a history that goes on behind the end of the method does not fit either', async () => {
    const engine = given().engine({ ...NO_POLLING, parkGrace: 0 });
    const away = engine.registerWorkflow('order', async (_, wf) => {
      await wf.step('a', () => 1);
      await wf.waitForEvent('go');
    });
    await engine.start();
    const { id } = await engine.startWorkflow('order');
    await reachedRun(engine, id, 'waiting');
    away();
    engine.registerWorkflow('order', () => 'nothing to do');
    await engine.runs.resume(id);
    const stuck = await until('the run is stuck', async () => (await engine.runs.get(id))?.error);
    expect(stuck.message).toMatch(/step "a".*returns/);
  });

  it('branches side by side replay in the order in which they came to their results', async () => {
    const engine = given().engine({ ...NO_POLLING, parkGrace: 0 });
    const orders: string[][] = [];
    engine.registerWorkflow('branches', async (_, wf) => {
      const order: string[] = [];
      const branch = async (name: string, turns: number): Promise<void> => {
        await wf.step(`${name}1`, async () => {
          for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
        });
        order.push(name);
        await wf.step('shared', () => name);
      };
      await Promise.all([branch('slow', 20), branch('fast', 0)]);
      orders.push(order);
      await wf.waitForEvent('go');
      return [await wf.step('check', () => order), order];
    });
    await engine.start();
    const { id } = await engine.startWorkflow('branches');
    await reachedRun(engine, id, 'waiting');
    await engine.publishEvent('go');
    expect(await engine.runResult(id)).toEqual([
      ['fast', 'slow'],
      ['fast', 'slow'],
    ]);
    expect(orders.length).toBeGreaterThan(1);
    expect(await engine.runs.inspectStep(id, 'shared')).toMatchObject({ value: 'fast' });
    expect(await engine.runs.inspectStep(id, 'shared#2')).toMatchObject({ value: 'slow' });
  });

  it('a run goes on from a step, in a new generation', async () => {
    const engine = given().engine();
    const keys: string[] = [];
    engine.registerWorkflow('order', async (_, wf) => {
      await wf.step('a', ({ idempotencyKey }) => keys.push(idempotencyKey));
      await wf.step('b', ({ idempotencyKey }) => keys.push(idempotencyKey));
      return keys.length;
    });
    await engine.start();
    const { id } = await engine.startWorkflow('order');
    expect(await engine.runResult(id)).toBe(2);
    await engine.runs.replayFrom(id, 'b');
    expect(await engine.runResult(id)).toBe(3);
    expect(keys).toEqual([`${id}:step:a`, `${id}:step:b`, `${id}:step:b@2`]);
    expect(await recorded(engine, id)).toEqual(['step:a', 'step:b']);
    expect(await engine.runs.timeline(id)).toHaveLength(4);
  });

  it('versions run side by side, and a run is moved by hand', async () => {
    const engine = given().engine({ ...NO_POLLING, parkGrace: 0 });
    for (const version of [1, 2]) {
      engine.registerWorkflow({ name: 'order', version }, async (_, wf) => {
        await wf.waitForEvent('go');
        return version;
      });
    }
    await engine.start();
    const [first, moved] = [
      await engine.startWorkflow('order', null, { version: 1 }),
      await engine.startWorkflow('order', null, { version: 1 }),
    ];
    const latest = await engine.startWorkflow('order');
    for (const { id } of [first, moved, latest]) await reachedRun(engine, id, 'waiting');
    await engine.runs.migrate(moved.id, 2);
    await engine.publishEvent('go');
    expect(await Promise.all([first, moved, latest].map(({ id }) => engine.runResult(id)))).toEqual([1, 2, 2]);
  });

  it('a patched method takes its old path for old runs', async () => {
    const engine = given().engine({ ...NO_POLLING, parkGrace: 0 });
    const away = engine.registerWorkflow('order', async (_, wf) => {
      await wf.step('a', () => 1);
      await wf.waitForEvent('go');
      return 'old';
    });
    await engine.start();
    const old = await engine.startWorkflow('order');
    await reachedRun(engine, old.id, 'waiting');
    away();
    engine.registerWorkflow('order', async (_, wf) => {
      if (wf.patched('check-first')) await wf.step('check', () => 'ok');
      await wf.step('a', () => 1);
      await wf.waitForEvent('go');
      return wf.patched('check-first') ? 'new' : 'old';
    });
    const fresh = await engine.startWorkflow('order');
    await reachedRun(engine, fresh.id, 'waiting');
    await engine.publishEvent('go');
    expect(await engine.runResult(old.id)).toBe('old');
    expect(await engine.runResult(fresh.id)).toBe('new');
  });
});
