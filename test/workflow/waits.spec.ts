import { describe, expect, it } from 'vitest';
import { defineEvent } from '../../lib/event/event-definition.js';
import { scope } from '../../lib/scope/scope.js';
import { deferred } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { NO_POLLING } from '../support/job-states.js';
import { clockedEngine, reachedRun, recorded } from '../support/workflow-engine.js';
import { until } from '../support/until.js';

const paid = defineEvent<{ amount: number }>('payment.received');

for (const parkGrace of [0, 60_000]) {
  describeOnEachStore(`waiting for events, with a grace of ${parkGrace} ms`, (given) => {
    const engineOf = () => given().engine({ ...NO_POLLING, parkGrace });

    it('an event that comes later goes on with the run', async () => {
      const engine = engineOf();
      engine.registerWorkflow('order', async (_, wf) => {
        await wf.step('reserve', () => 'reserved');
        const event = await wf.waitForEvent(paid, { key: 'order-1' });
        return [event?.payload.amount, event?.key, event?.createdAt instanceof Date];
      });
      await engine.start();
      const { id } = await engine.startWorkflow('order');
      await until('the step is recorded', async () => (await recorded(engine, id)).length === 1);
      if (parkGrace === 0) await reachedRun(engine, id, 'waiting');
      await engine.publishEvent(paid, { amount: 4 }, { key: 'order-2' });
      const event = await engine.publishEvent(paid, { amount: 5 }, { key: 'order-1' });
      expect(await engine.runResult(id)).toEqual([5, 'order-1', true]);
      expect((await engine.runs.inspectStep(id, 'payment.received'))?.eventId).toBe(event.id);
      const { attempt } = (await engine.runs.get(id))!;
      if (parkGrace > 0) expect(attempt).toBe(1);
      else expect(attempt).toBeGreaterThan(1);
    });

    it('an event that came before the run waited is kept for it, and each is taken once', async () => {
      const engine = engineOf();
      const gate = deferred();
      engine.registerWorkflow('order', async (_, wf) => {
        await wf.step('slow', () => gate.promise);
        const first = await wf.waitForEvent(paid);
        const second = await wf.waitForEvent(paid);
        return [first?.payload.amount, second?.payload.amount];
      });
      await engine.start();
      const { id } = await engine.startWorkflow('order');
      await reachedRun(engine, id, 'running');
      await engine.publishEvent(paid, { amount: 1 });
      await engine.publishEvent(paid, { amount: 2 });
      gate.resolve();
      expect(await engine.runResult<number[]>(id)).toEqual([1, 2]);
    });

    it('a predicate passes over what it does not accept', async () => {
      const engine = engineOf();
      engine.registerWorkflow('order', async (_, wf) => {
        const event = await wf.waitForEvent(paid, { match: ({ payload }) => payload.amount > 2 });
        return event?.payload.amount;
      });
      await engine.start();
      const { id } = await engine.startWorkflow('order');
      for (const amount of [1, 2, 3]) await engine.publishEvent(paid, { amount });
      expect(await engine.runResult(id)).toBe(3);
    });

    it('the first of several, and all of several', async () => {
      const engine = engineOf();
      engine.registerWorkflow('order', async (_, wf) => {
        const first = await wf.waitForAny([paid, 'cancelled']);
        const both = await wf.waitForAll(['a', 'b']);
        return [first?.name, both?.map(({ payload }) => payload)];
      });
      await engine.start();
      const { id } = await engine.startWorkflow('order');
      await engine.publishEvent('b', 'B');
      await engine.publishEvent('cancelled');
      await engine.publishEvent('a', 'A');
      expect(await engine.runResult(id)).toEqual(['cancelled', ['A', 'B']]);
    });

    it('an event for one run, and one of another scope, do not reach others', async () => {
      const engine = engineOf();
      engine.registerWorkflow('order', async (_, wf) => (await wf.waitForEvent(paid))?.payload.amount);
      await engine.start();
      const [a, b] = [await engine.startWorkflow('order'), await engine.startWorkflow('order')];
      const tenant = await scope.run({ orgId: 'o' }, () => engine.startWorkflow('order'));
      await engine.publishEvent(paid, { amount: 1 }, { runId: a.id });
      expect(await engine.runResult(a.id)).toBe(1);
      await scope.run({ orgId: 'o' }, () => engine.publishEvent(paid, { amount: 2 }));
      expect(await engine.runResult(tenant.id)).toBe(2);
      await engine.publishEvent(paid, { amount: 3 });
      expect(await engine.runResult(b.id)).toBe(3);
    });

    it('many runs and many events meet, each once', async () => {
      const engine = engineOf();
      engine.registerWorkflow(
        'order',
        async (input, wf) => (await wf.waitForEvent(paid, { key: String(input) }))?.payload,
      );
      await engine.start();
      const numbers = Array.from({ length: 40 }, (_, n) => n);
      const [runs] = await Promise.all([
        Promise.all(numbers.map((n) => engine.startWorkflow('order', n))),
        Promise.resolve(),
      ]);
      await Promise.all(numbers.map((n) => engine.publishEvent(paid, { amount: n }, { key: String(n) })));
      const outputs = await Promise.all(runs.map(({ id }) => engine.runResult(id, { timeout: '20s' })));
      expect(outputs).toEqual(numbers.map((amount) => ({ amount })));
    });
  });
}

describeOnEachStore(
  'an event in a transaction of the caller’s',
  (given) => {
    it('that commits after the runs have parked loses nothing', async () => {
      const engine = given().engine({ ...NO_POLLING, parkGrace: 0 });
      engine.registerWorkflow('order', async (_, wf) => (await wf.waitForEvent(paid))?.payload.amount);
      await engine.start();
      const published = deferred();
      const commit = deferred();
      // SQLite has one writer: there the run can only start before the publish, or after the commit.
      const early = await engine.startWorkflow('order');
      const transaction = engine.transaction(async (manager) => {
        await engine.publishEvent(paid, { amount: 1 }, { manager });
        published.resolve();
        await commit.promise;
      });
      await published.promise;
      if (given().kind === 'postgres') await reachedRun(engine, early.id, 'waiting');
      commit.resolve();
      await transaction;
      expect(await engine.runResult(early.id)).toBe(1);
    });

    it('reaches the run when it commits, and not before', async () => {
      const engine = given().engine({ ...NO_POLLING, parkGrace: 0 });
      engine.registerWorkflow('order', async (_, wf) => (await wf.waitForEvent(paid))?.payload.amount);
      await engine.start();
      const { id } = await engine.startWorkflow('order');
      await reachedRun(engine, id, 'waiting');
      await engine
        .transaction(async (manager) => {
          await engine.publishEvent(paid, { amount: 1 }, { manager });
          throw new Error('rolled back');
        })
        .catch(() => undefined);
      await engine.transaction(async (manager) => {
        await engine.publishEvent(paid, { amount: 2 }, { manager });
        await engine.startWorkflow('order', null, { manager, idempotencyKey: 'second' });
      });
      expect(await engine.runResult(id)).toBe(2);
      expect((await engine.runs.list()).runs).toHaveLength(2);
    });
  },
  ['sqlite', 'postgres'],
);

describe('waiting for days', () => {
  it('sleeps thirty days as a row, to the millisecond', async () => {
    const { engine, clock } = await clockedEngine();
    const effects: string[] = [];
    engine.registerWorkflow('trial', async (_, wf) => {
      await wf.step('welcome', () => effects.push('welcome'));
      await wf.sleep('trial', '30d');
      await wf.step('bill', () => effects.push('bill'));
      return 'billed';
    });
    const { id } = await engine.startWorkflow('trial');
    await clock.advance('1m');
    expect(await engine.runs.get(id)).toMatchObject({ state: 'waiting', workerId: undefined });
    await clock.advance(30 * 86_400_000 - 60_000 - 1);
    expect(effects).toEqual(['welcome']);
    await clock.advance(1);
    expect(effects).toEqual(['welcome', 'bill']);
    expect(await engine.runs.get(id)).toMatchObject({ state: 'completed', output: 'billed' });
    await engine.stop();
  });

  it('a sleep does not start over after a restart', async () => {
    const { engine, clock } = await clockedEngine();
    engine.registerWorkflow('nap', async (_, wf) => {
      await wf.sleep('10h');
    });
    const { id } = await engine.startWorkflow('nap');
    await clock.advance('6h');
    await engine.stop();
    await engine.start();
    await clock.advance('4h');
    expect(await engine.runs.get(id)).toMatchObject({ state: 'completed' });
    await engine.stop();
  });

  it('sleepUntil, a timeout of an event, and a short sleep in memory', async () => {
    const { engine, clock } = await clockedEngine();
    const at: number[] = [];
    const begin = clock.now();
    engine.registerWorkflow('waits', async (_, wf) => {
      await wf.sleep(50);
      at.push(clock.now() - begin);
      await wf.sleepUntil(new Date(begin + 3_600_000));
      at.push(clock.now() - begin);
      const event = await wf.waitForEvent('never', { timeout: '1h' });
      at.push(clock.now() - begin);
      const any = await wf.waitForAny(['never', 'ever'], { timeout: '1h' });
      const all = await wf.waitForAll(['never', 'ever'], { timeout: '1h' });
      at.push(clock.now() - begin);
      return [event, any, all];
    });
    const { id } = await engine.startWorkflow('waits');
    await clock.advance('5h');
    expect(await engine.runs.get(id)).toMatchObject({ state: 'completed', output: [null, null, null] });
    // The method comes by again after each wait.
    expect([...new Set(at)]).toEqual([50, 3_600_000, 7_200_000, 10_800_000, 14_400_000]);
    await engine.stop();
  });

  it('races between waits come out the same in every replay', async () => {
    const { engine, clock } = await clockedEngine({ parkGrace: 0 });
    const winners: string[] = [];
    engine.registerWorkflow('race', async (_, wf) => {
      const winner = await Promise.race([
        wf.sleep('long', '2h').then(() => 'long'),
        wf.sleep('short', '1h').then(() => 'short'),
      ]);
      winners.push(winner);
      await wf.sleep('after', '1d');
      return winner;
    });
    const { id } = await engine.startWorkflow('race');
    await clock.advance('3d');
    expect(await engine.runs.get(id)).toMatchObject({ state: 'completed', output: 'short' });
    expect(new Set(winners)).toEqual(new Set(['short']));
    await engine.stop();
  });

  it('a run that takes longer than its timeout fails', async () => {
    const { engine, clock } = await clockedEngine();
    engine.registerWorkflow('late', async (_, wf) => {
      await wf.sleep('2d');
    });
    const { id } = await engine.startWorkflow('late', null, { timeout: '1d' });
    await clock.advance('25h');
    expect(await engine.runs.get(id)).toMatchObject({ state: 'failed', error: { code: 'RUN_TIMEOUT' } });
    await engine.stop();
  });
});
