import { expect, it } from 'vitest';
import { defineWorkflow } from '../../lib/workflow/workflow-definition.js';
import { describeOnEachStore } from '../support/each-store.js';
import { NO_POLLING } from '../support/job-states.js';
import { reachedRun } from '../support/workflow-engine.js';

const square = defineWorkflow<number, number>('square');

for (const parkGrace of [0, 60_000]) {
  describeOnEachStore(`children, with a grace of ${parkGrace} ms`, (given) => {
    const engineOf = () => given().engine({ ...NO_POLLING, parkGrace });

    it('a parent gets the output of its child, which was started once', async () => {
      const engine = engineOf();
      engine.registerWorkflow(square, async (n, wf) => wf.step('square', () => n * n));
      engine.registerWorkflow('parent', async (_, wf) => {
        const one = await wf.runChild(square, 3);
        const two = await wf.runChild(square, one, { key: 'again' });
        return two;
      });
      await engine.start();
      const { id } = await engine.startWorkflow('parent');
      expect(await engine.runResult(id)).toBe(81);
      const { runs } = await engine.runs.children(id);
      expect(runs.map(({ output, parentRunId }) => [output, parentRunId])).toEqual([
        [9, id],
        [81, id],
      ]);
    });

    it('a child that fails throws its error in the parent', async () => {
      const engine = engineOf();
      engine.registerWorkflow('bad', async (_, wf) => {
        await wf.step('break', () => Promise.reject(new RangeError('broken')), { retries: 0 });
      });
      engine.registerWorkflow('parent', async (_, wf) =>
        wf.runChild('bad').catch((error: unknown) => `${(error as Error).name}: ${(error as Error).message}`),
      );
      await engine.start();
      const { id } = await engine.startWorkflow('parent');
      expect(await engine.runResult(id)).toBe('RangeError: broken');
    });

    it('children side by side, bounded, with results in order', async () => {
      const engine = engineOf();
      engine.registerWorkflow(square, (n) => n * n);
      engine.registerWorkflow('parent', async (_, wf) =>
        wf.fanOutChildren(square, [1, 2, 3, 4, 5], { concurrency: 2 }),
      );
      await engine.start();
      const { id } = await engine.startWorkflow('parent');
      expect(await engine.runResult(id)).toEqual([1, 4, 9, 16, 25]);
      expect((await engine.runs.children(id)).runs).toHaveLength(5);
    });

    it('a spawned child goes its own way', async () => {
      const engine = engineOf();
      engine.registerWorkflow(square, (n) => n * n);
      engine.registerWorkflow('parent', async (_, wf) => {
        const id = await wf.spawnChild(square, 7);
        await wf.sleep(1);
        return id;
      });
      await engine.start();
      const { id } = await engine.startWorkflow('parent');
      const childId = await engine.runResult<string>(id);
      expect(await engine.runResult(childId)).toBe(49);
      expect((await engine.runs.children(id)).runs).toHaveLength(1);
    });
  });
}

describeOnEachStore('a cancelled parent', (given) => {
  it('takes its children along, but for those that are abandoned', async () => {
    const engine = given().engine({ ...NO_POLLING, parkGrace: 0 });
    engine.registerWorkflow('wait', async (_, wf) => (await wf.waitForEvent('go'))?.name);
    engine.registerWorkflow('parent', async (_, wf) => {
      await wf.spawnChild('wait', null, { key: 'abandoned', onParentCancel: 'abandon' });
      await wf.runChild('wait');
    });
    await engine.start();
    const { id } = await engine.startWorkflow('parent');
    await reachedRun(engine, id, 'waiting');
    const [abandoned, child] = (await engine.runs.children(id)).runs;
    await Promise.all([abandoned, child].map((run) => reachedRun(engine, run!.id, 'waiting')));
    expect(await engine.runs.cancel(id)).toMatchObject({ state: 'cancelled' });
    await reachedRun(engine, child!.id, 'cancelled');
    expect(await engine.runs.get(abandoned!.id)).toMatchObject({ state: 'waiting' });
    await engine.publishEvent('go');
    expect(await engine.runResult(abandoned!.id)).toBe('go');
  });
});
