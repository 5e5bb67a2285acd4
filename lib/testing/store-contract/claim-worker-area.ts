import assert from 'node:assert/strict';
import { newWorkerId } from '../../id/ids.js';
import type { Store } from '../../store/store.js';
import { type ContractArea, onStore } from './contract.js';
import {
  LEASE_MS,
  claim,
  claimIds,
  claimOne,
  idsOf,
  insertOne,
  newJobs,
  registerWorker,
  released,
  rescue,
  retry,
  settle,
  startJob,
} from './fixtures.js';

/** Inserts jobs whose worker then dies with them. */
async function makeSuspects(store: Store, count: number): Promise<readonly string[]> {
  const jobs = newJobs(count);
  await store.insertJobs(jobs);
  const worker = await registerWorker(store);
  assert.equal((await claimIds(store, worker)).length, count);
  await store.deregisterWorker(worker);
  assert.equal((await rescue(store)).length, count);
  return idsOf(jobs);
}

/** Who may claim, and the quarantine of jobs whose worker died. */
export const claimWorkerArea: ContractArea = {
  area: 'claim: workers and suspects',
  cases: [
    onStore('a worker that never registered gets nothing and is told so', async (store) => {
      await insertOne(store);
      const result = await claim(store, newWorkerId());
      assert.deepEqual(result.jobs, []);
      assert.equal(result.workerAlive, false);
    }),
    onStore('a registered worker is told that it is alive', async (store) => {
      assert.equal((await claim(store, await registerWorker(store))).workerAlive, true);
      await insertOne(store);
      assert.equal((await claim(store, await registerWorker(store))).workerAlive, true);
    }),
    onStore(
      'a worker whose lease has expired gets nothing, but is not dead before it is declared so',
      async (store, clock) => {
        const worker = await registerWorker(store, 1_000);
        const { id } = await insertOne(store);
        await clock.advance(1_001);
        const result = await claim(store, worker);
        assert.deepEqual(result.jobs, []);
        assert.equal(result.workerAlive, true);
        await store.heartbeat({ workerId: worker, leaseMs: LEASE_MS, running: [] });
        assert.deepEqual(idsOf((await claim(store, worker)).jobs), [id]);
      },
    ),
    onStore('a worker that was declared dead gets nothing, for good', async (store, clock) => {
      const worker = await registerWorker(store, 1_000);
      await insertOne(store);
      await clock.advance(1_001);
      await rescue(store);
      await store.heartbeat({ workerId: worker, leaseMs: LEASE_MS, running: [] });
      const result = await claim(store, worker);
      assert.deepEqual(result.jobs, []);
      assert.equal(result.workerAlive, false);
    }),
    onStore('a suspect takes its place in the order of queues and priorities', async (store) => {
      const suspect = await startJob(store, { queue: 'low', priority: -5 });
      await store.deregisterWorker(suspect.workerId);
      await rescue(store);
      const urgent = await insertOne(store, { queue: 'critical', priority: 10 });
      const queues = ['critical', 'low'].map((queue) => ({ queue, limit: 1 }));
      const worker = await registerWorker(store);
      assert.deepEqual(await claimIds(store, worker, { queues, limit: 1 }), [urgent.id]);
      assert.deepEqual(await claimIds(store, worker, { queues, limit: 1 }), [suspect.id]);
    }),
    onStore('a suspect that is replaced by one that is due later stays a suspect', async (store, clock) => {
      const first = await startJob(store, { uniqueKey: 'a' });
      const second = await startJob(store, { uniqueKey: 'b' }, first.workerId);
      await store.deregisterWorker(first.workerId);
      await rescue(store);
      for (const uniqueKey of ['a', 'b']) await insertOne(store, { uniqueKey, onConflict: 'replace', delayMs: 30 });
      await clock.advance(30);
      const result = await claim(store, await registerWorker(store), { suspectLimit: 1 });
      assert.deepEqual(idsOf(result.jobs), [first.id]);
      assert.deepEqual([...result.suspects], [first.id]);
      assert.equal((await store.getJob(second.id))?.state, 'retrying');
    }),
    onStore('a worker that renews its lease goes on claiming', async (store, clock) => {
      const worker = await registerWorker(store, 1_000);
      await clock.advance(900);
      await store.heartbeat({ workerId: worker, leaseMs: 1_000, running: [] });
      await clock.advance(900);
      const { id } = await insertOne(store);
      assert.deepEqual(await claimIds(store, worker), [id]);
    }),
    onStore('a draining worker gets nothing, but is alive', async (store) => {
      const worker = await registerWorker(store);
      await store.drainWorker(worker);
      await insertOne(store);
      const result = await claim(store, worker);
      assert.deepEqual(result.jobs, []);
      assert.equal(result.workerAlive, true);
    }),
    onStore('a deregistered worker gets nothing', async (store) => {
      const worker = await registerWorker(store);
      await store.deregisterWorker(worker);
      await insertOne(store);
      const result = await claim(store, worker);
      assert.deepEqual(result.jobs, []);
      assert.equal(result.workerAlive, false);
    }),
    onStore('jobs that lost their worker are claimed as suspects, others are not', async (store) => {
      const suspects = await makeSuspects(store, 2);
      await store.insertJobs(newJobs(2));
      const result = await claim(store, await registerWorker(store));
      assert.equal(result.jobs.length, 4);
      assert.deepEqual([...result.suspects].sort(), [...suspects].sort());
    }),
    onStore('a claim takes at most its limit of suspects, and fills up with others', async (store) => {
      const suspects = await makeSuspects(store, 3);
      const others = newJobs(3);
      await store.insertJobs(others);
      const worker = await registerWorker(store);
      const none = await claim(store, worker, { suspectLimit: 0, limit: 2 });
      assert.deepEqual(idsOf(none.jobs), idsOf(others.slice(0, 2)));
      assert.equal(none.suspects.size, 0);
      const one = await claim(store, worker, { suspectLimit: 1 });
      assert.equal(one.jobs.length, 2);
      assert.equal(one.suspects.size, 1);
      assert.ok(suspects.includes([...one.suspects][0]!));
    }),
    onStore('suspects that a claim may not take count as due', async (store) => {
      await makeSuspects(store, 1);
      const result = await claim(store, await registerWorker(store), { suspectLimit: 0 });
      assert.deepEqual(result.jobs, []);
      assert.equal(result.nextDueInMs, 0);
    }),
    onStore('a suspect that is released stays one', async (store) => {
      await makeSuspects(store, 1);
      const held = await claimOne(store, await registerWorker(store));
      await settle(store, held, released());
      assert.equal((await claim(store, held.workerId)).suspects.size, 1);
    }),
    onStore('a suspect that ends an attempt in another way is one no longer', async (store) => {
      await makeSuspects(store, 1);
      const held = await claimOne(store, await registerWorker(store));
      await settle(store, held, retry());
      const result = await claim(store, held.workerId);
      assert.equal(result.jobs.length, 1);
      assert.equal(result.suspects.size, 0);
    }),
    onStore('a job that was handed back is no suspect', async (store) => {
      const held = await startJob(store);
      await settle(store, held, released());
      assert.equal((await claim(store, held.workerId)).suspects.size, 0);
    }),
  ],
};
