import assert from 'node:assert/strict';
import { type ContractArea, onStore } from './contract.js';
import {
  NAME,
  QUEUE,
  claim,
  claimIds,
  idsOf,
  insertOne,
  newJob,
  newJobs,
  registerWorker,
  retry,
  settle,
  startJob,
} from './fixtures.js';

/** How much a claim takes, and what it says about the rest. */
export const claimLimitsArea: ContractArea = {
  area: 'claim: limits',
  cases: [
    onStore('a claim takes at most its limit', async (store) => {
      const jobs = newJobs(5);
      await store.insertJobs(jobs);
      const worker = await registerWorker(store);
      assert.deepEqual(await claimIds(store, worker, { limit: 2 }), idsOf(jobs.slice(0, 2)));
      assert.deepEqual(await claimIds(store, worker, { limit: 2 }), idsOf(jobs.slice(2, 4)));
    }),
    onStore('a claim takes at most the limit of each queue', async (store) => {
      await store.insertJobs([...newJobs(5, { queue: 'a' }), ...newJobs(5, { queue: 'b' })]);
      const queues = [
        { queue: 'a', limit: 2 },
        { queue: 'b', limit: 1 },
      ];
      const { jobs } = await claim(store, await registerWorker(store), { queues });
      assert.deepEqual(
        jobs.map(({ queue }) => queue),
        ['a', 'a', 'b'],
      );
    }),
    onStore('a later queue gets what the earlier ones left of the limit', async (store) => {
      await store.insertJobs([...newJobs(2, { queue: 'a' }), ...newJobs(5, { queue: 'b' })]);
      const queues = [
        { queue: 'a', limit: 10 },
        { queue: 'b', limit: 10 },
      ];
      const worker = await registerWorker(store);
      const first = await claim(store, worker, { queues, limit: 3 });
      assert.deepEqual(
        first.jobs.map(({ queue }) => queue),
        ['a', 'a', 'b'],
      );
      const second = await claim(store, worker, { queues, limit: 3 });
      assert.deepEqual(
        second.jobs.map(({ queue }) => queue),
        ['b', 'b', 'b'],
      );
    }),
    onStore('a queue of limit zero gives nothing', async (store) => {
      await store.insertJobs(newJobs(2, { queue: 'a' }));
      const queues = [
        { queue: 'a', limit: 0 },
        { queue: QUEUE, limit: 5 },
      ];
      const { id } = await insertOne(store);
      assert.deepEqual(await claimIds(store, await registerWorker(store), { queues }), [id]);
    }),
    onStore('queues that are not named are left alone', async (store) => {
      await insertOne(store, { queue: 'other' });
      const result = await claim(store, await registerWorker(store));
      assert.deepEqual(result.jobs, []);
      assert.equal(result.nextDueInMs, null);
    }),
    onStore('a claim without queues, without names or with limit zero takes nothing', async (store) => {
      const { id } = await insertOne(store);
      const worker = await registerWorker(store);
      assert.deepEqual(await claimIds(store, worker, { queues: [] }), []);
      assert.deepEqual(await claimIds(store, worker, { names: [] }), []);
      assert.deepEqual(await claimIds(store, worker, { limit: 0 }), []);
      assert.deepEqual(await claimIds(store, worker), [id]);
    }),
    onStore('jobs of names that this process lacks are left for others, and are in nobody’s way', async (store) => {
      await store.insertJobs(newJobs(1_500, { name: 'unknown', priority: 10 }));
      const known = await insertOne(store);
      const worker = await registerWorker(store);
      const result = await claim(store, worker, { limit: 1 });
      assert.deepEqual(idsOf(result.jobs), [known.id]);
      assert.equal((await claim(store, worker)).nextDueInMs, null, 'they do not count as waiting');
      const other = await claim(store, worker, { names: ['unknown'], limit: 3 });
      assert.equal(other.jobs.length, 3);
      assert.equal(other.jobs[0]?.attempt, 1, 'they were not touched before');
    }),
    onStore('several names are claimed in one order', async (store) => {
      const jobs = ['b', 'a', 'c', 'b', 'a'].map((name) => newJob({ name }));
      await store.insertJobs(jobs);
      const claimed = await claimIds(store, await registerWorker(store), { names: ['a', 'b'] });
      assert.deepEqual(claimed, idsOf(jobs.filter(({ name }) => name !== 'c')));
    }),
    onStore('the limit of a queue holds for all names together', async (store) => {
      await store.insertJobs(['a', 'b', 'a', 'b', 'a'].map((name) => newJob({ name })));
      const queues = [{ queue: QUEUE, limit: 3 }];
      const { jobs } = await claim(store, await registerWorker(store), { queues, names: ['a', 'b', 'c'] });
      assert.equal(jobs.length, 3);
    }),
    onStore('next due: null when nothing waits', async (store) => {
      await startJob(store);
      assert.equal((await claim(store, await registerWorker(store))).nextDueInMs, null);
    }),
    onStore('next due: the time until the earliest of the queues', async (store) => {
      await store.insertJobs([
        newJob({ queue: 'a', delayMs: 9_000 }),
        newJob({ queue: 'a', delayMs: 7_000, priority: -3 }),
        newJob({ queue: 'b', delayMs: 5_000 }),
        newJob({ queue: 'c', delayMs: 1_000 }),
        newJob({ queue: 'a', delayMs: 500, name: 'unknown' }),
      ]);
      const worker = await registerWorker(store);
      const nextDue = async (...names: readonly string[]) =>
        (await claim(store, worker, { queues: names.map((queue) => ({ queue, limit: 5 })) })).nextDueInMs;
      assert.equal(await nextDue('a', 'b'), 5_000);
      assert.equal(await nextDue('a'), 7_000);
      assert.equal(await nextDue('c', 'a', 'b'), 1_000);
      assert.equal(await nextDue('d'), null);
    }),
    onStore('next due: counts retries', async (store, clock) => {
      const held = await startJob(store);
      await settle(store, held, retry(4_000));
      await clock.advance(1_000);
      assert.equal((await claim(store, held.workerId)).nextDueInMs, 3_000);
    }),
    onStore('next due: zero when more was due than the limits allowed', async (store) => {
      await store.insertJobs([...newJobs(3, { queue: 'a' }), newJob({ queue: 'a', delayMs: 1_000 })]);
      const worker = await registerWorker(store);
      const total = await claim(store, worker, { queues: [{ queue: 'a', limit: 5 }], limit: 1 });
      assert.equal(total.nextDueInMs, 0);
      const perQueue = await claim(store, worker, { queues: [{ queue: 'a', limit: 1 }], limit: 5 });
      assert.equal(perQueue.nextDueInMs, 0);
      const rest = await claim(store, worker, { queues: [{ queue: 'a', limit: 1 }], limit: 5, names: [NAME] });
      assert.equal(rest.nextDueInMs, 1_000, 'all that is due has been taken');
    }),
  ],
};
