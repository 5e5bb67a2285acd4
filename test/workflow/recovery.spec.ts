import { expect, it } from 'vitest';
import type { Engine } from '../../lib/engine/engine.js';
import { type FailpointMethod, Failpoints } from '../../lib/testing/failpoints/failpoints.js';
import { withFailpoints } from '../../lib/testing/failpoints/with-failpoints.js';
import { deferred } from '../support/deferred.js';
import { type StoreUnderTest, describeOnEachStore } from '../support/each-store.js';
import { AT_ONCE, FAST_POLLING, FAST_RESCUE, NO_POLLING } from '../support/job-states.js';
import { FaultyStore } from '../support/faulty-store.js';
import { reachedRun, recorded } from '../support/workflow-engine.js';

/** Every call of a store on the way of a run. */
const RUN_PATH: readonly FailpointMethod[] = [
  'insertRuns',
  'claimRuns',
  'loadHistory',
  'loadWaits',
  'commitRuns',
  'rescueRuns',
  'matchEvents',
  'publishEvents',
  'listHeldRuns',
  'heartbeat',
];

/** A workflow that uses every construct. @returns the effects of its steps, by their idempotency keys */
function pipeline(engine: Engine): Map<string, number> {
  const effects = new Map<string, number>();
  const effect = <T>(key: string, value: T): T => {
    effects.set(key, (effects.get(key) ?? 0) + 1);
    return value;
  };
  engine.registerWorkflow('part', async (n, wf) =>
    wf.step('square', ({ idempotencyKey }) => effect(`square ${String(n)} ${idempotencyKey}`, (n as number) ** 2)),
  );
  engine.registerWorkflow('pipeline', async (_, wf) => {
    const total = await wf.step('total', ({ idempotencyKey }) => effect(idempotencyKey, 5));
    const flaky = await wf.step('flaky', ({ attempt, idempotencyKey }) => {
      effect(idempotencyKey, null);
      if (attempt < 2) throw new Error('once');
      return 'ok';
    });
    const parts = await wf.fanOutChildren<number, number>({ name: 'part' }, [1, 2, 3]);
    const event = await wf.waitForEvent<number>('go');
    await wf.sleep(5);
    const undone = wf.stepWithCompensation(
      'hold',
      ({ idempotencyKey }) => effect(idempotencyKey, 1),
      () => undefined,
    );
    const pair = await Promise.all([undone, wf.step('mail', ({ idempotencyKey }) => effect(idempotencyKey, 2))]);
    return { total, flaky, parts, event: event?.payload, pair };
  });
  return effects;
}

const OUTPUT = { total: 5, flaky: 'ok', parts: [1, 4, 9], event: 7, pair: [1, 2] };
const RECORDS = [
  'child:part[0]',
  'child:part[1]',
  'child:part[2]',
  'event:go',
  'sleep:sleep',
  'step:flaky',
  'step:hold',
  'step:mail',
  'step:total',
];

async function endures(given: StoreUnderTest, set: (failpoints: Failpoints) => void): Promise<void> {
  const failpoints = new Failpoints();
  const engine = given.engine({
    store: withFailpoints(await given.open(), failpoints),
    ...FAST_POLLING,
    heartbeat: 20,
    lease: 400,
    backoff: AT_ONCE,
    parkGrace: 0,
  });
  const effects = pipeline(engine);
  await engine.start();
  set(failpoints);
  const { id } = await engine.startWorkflow('pipeline').catch(() => engine.startWorkflow('pipeline'));
  await engine.publishEvent('go', 7).catch(() => engine.publishEvent('go', 7));
  await reachedRun(engine, id, 'completed');
  expect(await engine.runResult(id)).toEqual(OUTPUT);
  expect((await recorded(engine, id)).toSorted()).toEqual(RECORDS);
  // No store call fails in the middle of a step: each has its effect as often as it was tried.
  for (const [key, count] of effects) expect([key, count]).toEqual([key, key.includes('flaky') ? count : 1]);
}

describeOnEachStore('a run ends the same', (given) => {
  for (const method of RUN_PATH) {
    it(`when the store fails before ${method}, and when its answer is lost`, async () => {
      await endures(given(), (failpoints) => {
        failpoints.set(`before:${method}`, 'throw', { skip: 1 });
        failpoints.set(`after:${method}`, 'throw', { skip: 2 });
      });
    });
  }

  it('when every fifth commit and claim fails, and every seventh answer is lost', async () => {
    let calls = 0;
    await endures(given(), (failpoints) => {
      const every = (n: number) => () => {
        calls += 1;
        if (calls % n === 0) throw Object.assign(new Error('now and then'), { code: 'STORE_UNAVAILABLE' });
      };
      const times = Number.POSITIVE_INFINITY;
      failpoints.set('before:commitRuns', every(5), { times });
      failpoints.set('after:commitRuns', every(7), { times });
    });
  });
});

describeOnEachStore('a run whose worker dies', (given) => {
  it('goes on elsewhere: completed steps are not repeated, the interrupted one is, with the same key', async () => {
    const faulty = new FaultyStore(await given().open());
    const dying = given().engine({ store: faulty.store, ...NO_POLLING, heartbeat: '10m', lease: '1h' });
    const inStep = deferred();
    const effects: string[] = [];
    const register = (engine: Engine, hang: boolean): void => {
      engine.registerWorkflow('order', async (_, wf) => {
        await wf.step('a', ({ idempotencyKey }) => effects.push(idempotencyKey));
        await wf.step('b', async ({ idempotencyKey }) => {
          effects.push(idempotencyKey);
          if (hang) {
            inStep.resolve();
            await new Promise<never>(() => undefined);
          }
        });
        return 'done';
      });
    };
    register(dying, true);
    await dying.start();
    const { id } = await dying.startWorkflow('order');
    await inStep.promise;
    const { worker } = await dying.health();
    faulty.cut(['claimRuns', 'commitRuns', 'heartbeat', 'rescueRuns', 'registerWorker', 'rescueJobs']);

    const heir = given().engine({ ...FAST_POLLING, ...FAST_RESCUE });
    register(heir, false);
    await (await given().open()).deregisterWorker(worker!.id);
    await heir.start();
    expect(await heir.runResult(id)).toBe('done');
    expect(effects).toEqual([`${id}:step:a`, `${id}:step:b`, `${id}:step:b`]);
    faulty.mend();
  });

  it('cannot write any more: what a zombie records is dropped', async () => {
    const faulty = new FaultyStore(await given().open());
    const zombie = given().engine({ store: faulty.store, ...NO_POLLING, heartbeat: '10m', lease: '1h' });
    const inStep = deferred();
    const goOn = deferred<string>();
    zombie.registerWorkflow('order', async (_, wf) => {
      const a = await wf.step('a', async () => {
        inStep.resolve();
        return goOn.promise;
      });
      return wf.step('b', () => `zombie ${a}`);
    });
    await zombie.start();
    const { id } = await zombie.startWorkflow('order');
    await inStep.promise;
    // It does not learn that it is dead, and takes nothing new.
    faulty.cut(['claimRuns', 'heartbeat', 'registerWorker']);
    await (await given().open()).deregisterWorker((await zombie.health()).worker!.id);

    const heir = given().engine({ ...FAST_POLLING, ...FAST_RESCUE });
    heir.registerWorkflow('order', async (_, wf) => {
      const a = await wf.step('a', () => 'heir');
      return wf.step('b', () => a);
    });
    await heir.start();
    expect(await heir.runResult(id)).toBe('heir');
    goOn.resolve('late');
    await zombie.stop();
    expect((await heir.runs.timeline(id)).map(({ value }) => value)).toEqual(['heir', 'heir']);
  });

  it('a shutdown lets the step that runs end, and hands the run back without a retry', async () => {
    const first = given().engine({ ...NO_POLLING, shutdownTimeout: 5_000 });
    const inStep = deferred();
    const goOn = deferred<number>();
    const method = async (
      _: unknown,
      wf: Parameters<Parameters<Engine['registerWorkflow']>[1]>[1],
    ): Promise<unknown> => {
      const a = await wf.step('a', async () => {
        inStep.resolve();
        return goOn.promise;
      });
      return wf.step('b', () => a + 1);
    };
    first.registerWorkflow('order', method);
    await first.start();
    const { id } = await first.startWorkflow('order');
    await inStep.promise;
    const stopped = first.stop();
    goOn.resolve(1);
    await stopped;
    const second = given().engine();
    second.registerWorkflow('order', method);
    const handedBack = await second.runs.get(id);
    expect(handedBack).toMatchObject({ state: 'waiting', retryCount: 0, workerId: undefined });
    expect(await recorded(second, id)).toEqual(['step:a']);
    await second.start();
    expect(await second.runResult(id)).toBe(2);
  });
});

describeOnEachStore(
  'a step in a transaction',
  (given) => {
    it('commits its record with the rows it writes, or neither', async () => {
      const engine = given().engine({ backoff: AT_ONCE });
      let tries = 0;
      engine.register('mail', () => 'sent');
      engine.registerWorkflow('order', async (_, wf) => {
        const id = await wf.transaction('reserve', async (manager, { attempt }) => {
          tries = attempt;
          const job = await engine.enqueue('mail', null, { manager });
          if (attempt === 1) throw new Error('rolled back');
          return job.id;
        });
        return id;
      });
      await engine.start();
      const { id } = await engine.startWorkflow('order');
      const jobId = await engine.runResult<string>(id);
      expect(tries).toBe(2);
      expect((await engine.jobs.list()).jobs.map((job) => job.id)).toEqual([jobId]);
      expect(await engine.runs.inspectStep(id, 'reserve')).toMatchObject({ value: jobId, tries: 2 });
    });
  },
  ['sqlite', 'postgres'],
);
