import assert from 'node:assert/strict';
import { type ContractArea, onStore } from './contract.js';
import { idsOf, insertOne, jobInState, settle, completed, startJob } from './fixtures.js';

/** Deleting what ended long ago. */
export const pruneArea: ContractArea = {
  area: 'prune jobs',
  cases: [
    onStore('jobs of the state that ended long ago are deleted, others stay', async (store, clock) => {
      const old = await jobInState(store, 'completed');
      const oldFailed = await jobInState(store, 'failed');
      const waiting = await jobInState(store, 'pending');
      const running = await jobInState(store, 'running');
      await clock.advance(10_000);
      const young = await jobInState(store, 'completed');
      await clock.advance(1_000);
      assert.equal(await store.pruneJobs({ state: 'completed', olderThanMs: 20_000, limit: 10 }), 0);
      assert.equal(await store.pruneJobs({ state: 'completed', olderThanMs: 5_000, limit: 10 }), 1);
      assert.equal(await store.getJob(old.id), null);
      assert.deepEqual(
        idsOf((await store.listJobs()).jobs).toSorted(),
        idsOf([oldFailed, waiting, running, young]).toSorted(),
      );
      for (const state of ['failed', 'cancelled'] as const) {
        const expected = state === 'failed' ? 1 : 0;
        assert.equal(await store.pruneJobs({ state, olderThanMs: 5_000, limit: 10 }), expected);
      }
    }),
    onStore('the time since the end counts, not the time since the insert', async (store, clock) => {
      const held = await startJob(store);
      await clock.advance(60_000);
      await settle(store, held, completed());
      await clock.advance(1_000);
      assert.equal(await store.pruneJobs({ state: 'completed', olderThanMs: 30_000, limit: 10 }), 0);
      await clock.advance(30_000);
      assert.equal(await store.pruneJobs({ state: 'completed', olderThanMs: 30_000, limit: 10 }), 1);
    }),
    onStore('the oldest go first, up to the limit', async (store, clock) => {
      const ids: string[] = [];
      for (let n = 0; n < 5; n++) {
        ids.push((await jobInState(store, 'cancelled')).id);
        await clock.advance(10);
      }
      await clock.advance(1_000);
      assert.equal(await store.pruneJobs({ state: 'cancelled', olderThanMs: 100, limit: 2 }), 2);
      assert.deepEqual(idsOf((await store.listJobs({ order: 'asc' })).jobs), ids.slice(2));
    }),
    onStore('log lines go with their job, dead-letter entries stay', async (store, clock) => {
      const held = await startJob(store);
      await store.reportJobs(held.workerId, [{ id: held.id, attempt: 1, logs: [{ level: 'info', message: 'a' }] }]);
      await settle(store, held, completed());
      await jobInState(store, 'failed');
      await clock.advance(1_000);
      await store.pruneJobs({ state: 'completed', olderThanMs: 1, limit: 10 });
      await insertOne(store, { id: held.id, delayMs: 60_000 });
      assert.equal(await store.pruneJobs({ state: 'failed', olderThanMs: 1, limit: 10 }), 1);
      assert.deepEqual(await store.listJobLogs(held.id), []);
      assert.equal(await store.countDlq(), 1);
    }),
    onStore('a job that was retried has not ended', async (store, clock) => {
      const held = await jobInState(store, 'failed');
      await store.retryJob(held.id);
      await clock.advance(60_000);
      assert.equal(await store.pruneJobs({ state: 'failed', olderThanMs: 1, limit: 10 }), 0);
      const waiting = await insertOne(store);
      assert.deepEqual(idsOf((await store.listJobs()).jobs).toSorted(), [held.id, waiting.id].toSorted());
    }),
  ],
};
