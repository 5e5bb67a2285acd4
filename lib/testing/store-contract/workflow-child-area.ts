import assert from 'node:assert/strict';
import { type RunId, newRunId } from '../../id/ids.js';
import type { Store } from '../../store/store.js';
import type { ClaimedRun } from '../../workflow/run-record.js';
import type { NewWait } from '../../workflow/wait.js';
import { type ContractArea, onStore, onTwoStores } from './contract.js';
import { idsOf, registerWorker, until } from './fixtures.js';
import {
  claimRun,
  commit,
  commitOf,
  completedRun,
  failedRun,
  isDue,
  newRun,
  readRun,
  startRun,
  wait,
} from './run-fixtures.js';

const CHILD = { name: 'ship', parentKey: 'child:ship' } as const;

function childWait(childRunId: RunId): NewWait {
  return wait(CHILD.parentKey, { kind: 'child', childRunId });
}

/** A parent that is held and waits for a child that is held as well. */
async function family(store: Store): Promise<{ readonly parent: ClaimedRun; readonly child: ClaimedRun }> {
  const parent = await startRun(store);
  const child = newRun({ ...CHILD, parentRunId: parent.id });
  await commit(store, parent, { children: [child], waits: [childWait(child.id)] });
  return { parent, child: await claimRun(store, child.id, parent.workerId) };
}

async function parkParent(store: Store, parent: ClaimedRun): Promise<void> {
  await commit(store, parent, { next: { kind: 'parked', open: [CHILD.parentKey], wake: null }, look: true });
}

/** Parents and children. */
export const workflowChildArea: ContractArea = {
  area: 'workflows: children',
  cases: [
    onStore('a child is inserted once for its key, with the commit of its parent', async (store) => {
      const parent = await startRun(store);
      const children = [newRun({ ...CHILD, parentRunId: parent.id }), newRun({ ...CHILD, parentRunId: parent.id })];
      await commit(store, parent, { children: [children[0]!] });
      await commit(store, parent, { children: [children[1]!] });
      await commit(
        store,
        { ...parent, attempt: 9 },
        { children: [newRun({ parentRunId: parent.id, parentKey: 'x' })] },
      );
      assert.deepEqual(idsOf((await store.listRuns({ parentRunId: parent.id })).runs), [children[0]!.id]);
    }),
    onStore('the end of a child wakes its parked parent, which then knows its output', async (store, clock) => {
      const { parent, child } = await family(store);
      await parkParent(store, parent);
      assert.equal(await isDue(store, parent.id, clock.now()), false);
      await commit(store, child, { next: completedRun('"shipped"') });
      assert.equal(await isDue(store, parent.id, clock.now()), true);
      const again = await claimRun(store, parent.id);
      assert.deepEqual((await store.loadHistory(again.workerId, [again])).get(parent.id)!.children, [
        { id: child.id, state: 'completed', output: '"shipped"', codec: 'json', error: null },
      ]);
    }),
    onStore('a child that ended before its parent parks makes it due at once', async (store, clock) => {
      const { parent, child } = await family(store);
      await commit(store, child, { next: failedRun('no truck') });
      await parkParent(store, parent);
      assert.equal(await isDue(store, parent.id, clock.now()), true);
      const again = await claimRun(store, parent.id);
      const [ended] = (await store.loadHistory(again.workerId, [again])).get(parent.id)!.children;
      assert.deepEqual([ended?.state, ended?.error?.message], ['failed', 'no truck']);
    }),
    onStore('the end of a child is signalled to the worker that holds its parent', async (store) => {
      const { parent, child } = await family(store);
      const heard: string[] = [];
      store.onWake((wake) => {
        if (wake.kind === 'signal') heard.push(...wake.runIds);
      });
      await commit(store, child, { next: completedRun() });
      await until('the signal', () => heard.includes(parent.id));
    }),
    onStore('a child that ends in the commit in which its parent parks wakes it', async (store, clock) => {
      const { parent, child } = await family(store);
      await store.commitRuns(parent.workerId, [
        commitOf(parent, { next: { kind: 'parked', open: [CHILD.parentKey], wake: null }, look: true }),
        commitOf(child, { next: completedRun() }),
      ]);
      assert.equal(await isDue(store, parent.id, clock.now()), true);
    }),
    onTwoStores('a parent that parks while its child ends is woken, in every order', async (first, second, clock) => {
      for (let round = 0; round < 20; round++) {
        const { parent, child } = await family(first);
        await Promise.all([parkParent(first, parent), commit(second, child, { next: completedRun() })]);
        assert.equal(await isDue(first, parent.id, clock.now()), true);
        await commit(first, await claimRun(first, parent.id), { next: completedRun() });
      }
    }),
    onStore('a cancel takes the children along whose policy it is', async (store) => {
      const parent = await startRun(store);
      const key = (parentKey: string, more = {}) =>
        newRun({ name: 'ship', parentRunId: parent.id, parentKey, ...more });
      const [child, abandoned] = [key('child:a'), key('child:b', { onParentCancel: 'abandon' as const })];
      const held = key('child:c', { name: 'held' });
      await commit(store, parent, { children: [child, abandoned, held] });
      const claimed = await claimRun(store, held.id, parent.workerId);
      const grandchild = newRun({ name: 'box', parentRunId: held.id, parentKey: 'child:d' });
      await commit(store, claimed, { children: [grandchild] });
      await commit(store, parent, { next: { kind: 'parked', open: [], wake: null } });
      await store.cancelRun(parent.id, { mode: 'compensate' });
      const state = async (id: RunId) => (await readRun(store, id)).state;
      assert.deepEqual(await Promise.all([parent.id, child.id, abandoned.id, held.id, grandchild.id].map(state)), [
        'cancelled',
        'cancelled',
        'pending',
        'running',
        'cancelled',
      ]);
      assert.notEqual((await readRun(store, held.id)).cancelRequestedAt, null);
    }),
    onStore('a cancelled child wakes its parent', async (store, clock) => {
      const parent = await startRun(store);
      const child = newRun({ ...CHILD, parentRunId: parent.id });
      await commit(store, parent, { children: [child], waits: [childWait(child.id)] });
      await parkParent(store, parent);
      await store.cancelRun(child.id, { mode: 'compensate' });
      assert.equal(await isDue(store, parent.id, clock.now()), true);
    }),
    onStore('a child whose workers died too often wakes its parent', async (store, clock) => {
      const parent = await startRun(store);
      const child = newRun({ ...CHILD, id: newRunId(), parentRunId: parent.id, maxRetries: 0 });
      await commit(store, parent, { children: [child], waits: [childWait(child.id)] });
      await parkParent(store, parent);
      const worker = await registerWorker(store);
      await claimRun(store, child.id, worker);
      await store.deregisterWorker(worker);
      await store.rescueRuns({ limit: 10 });
      assert.equal((await readRun(store, child.id)).state, 'failed');
      assert.equal(await isDue(store, parent.id, clock.now()), true);
    }),
  ],
};
