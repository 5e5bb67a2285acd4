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
  rescue,
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
    onStore('a claim takes at most the limit of each name, and others of the queue in their place', async (store) => {
      const jobs = ['a', 'a', 'b', 'a', 'b', 'c'].map((name) => newJob({ name }));
      await store.insertJobs(jobs);
      const worker = await registerWorker(store);
      const names = ['a', 'b', 'c'];
      const nameLimits = [
        { name: 'a', limit: 1 },
        { name: 'c', limit: 5 },
      ];
      const taken = await claimIds(store, worker, { names, nameLimits, limit: 4 });
      assert.deepEqual(taken, idsOf([jobs[0]!, jobs[2]!, jobs[4]!, jobs[5]!]));
      assert.deepEqual(await claimIds(store, worker, { names, nameLimits: [{ name: 'a', limit: 0 }] }), []);
      assert.deepEqual(await claimIds(store, worker, { names }), idsOf([jobs[1]!, jobs[3]!]));
    }),
    onStore('with limits of names the order stays that of priority and queues', async (store) => {
      const low = newJob({ name: 'a', priority: 1 });
      const high = newJob({ name: 'a', priority: 9 });
      const middle = newJob({ name: 'b', priority: 5 });
      const later = newJob({ name: 'b', queue: 'later', priority: 10 });
      await store.insertJobs([low, later, middle, high]);
      const request = {
        names: ['a', 'b'],
        nameLimits: [{ name: 'a', limit: 2 }],
        queues: [
          { queue: QUEUE, limit: 10 },
          { queue: 'later', limit: 10 },
        ],
      };
      const worker = await registerWorker(store);
      assert.deepEqual(await claimIds(store, worker, { ...request, limit: 3 }), idsOf([high, middle, low]));
      assert.deepEqual(await claimIds(store, worker, request), [later.id]);
    }),
    onStore('the limit of a name holds for all queues together, and the limits of queues beside it', async (store) => {
      await store.insertJobs(
        ['x', 'y'].flatMap((queue) => ['a', 'a', 'a', 'b', 'b'].map((name) => newJob({ name, queue }))),
      );
      const { jobs } = await claim(store, await registerWorker(store), {
        names: ['a', 'b'],
        nameLimits: [{ name: 'a', limit: 4 }],
        queues: [
          { queue: 'x', limit: 4 },
          { queue: 'y', limit: 2 },
        ],
      });
      const taken = jobs.map(({ queue, name }) => queue + name);
      assert.deepEqual(taken, ['xa', 'xa', 'xa', 'xb', 'ya', 'yb']);
    }),
    onStore('suspects count against the limit of their name', async (store, clock) => {
      const lost = await registerWorker(store, 1_000);
      await store.insertJobs([newJob({ name: 'a', priority: 1 }), newJob({ name: 'a' })]);
      await claim(store, lost, { names: ['a'], limit: 1 });
      await clock.advance(2_000);
      assert.equal((await rescue(store)).length, 1);
      const { jobs, suspects } = await claim(store, await registerWorker(store), {
        names: ['a'],
        nameLimits: [{ name: 'a', limit: 1 }],
        suspectLimit: 1,
      });
      assert.equal(jobs.length, 1);
      assert.equal(suspects.size, 1, 'the one of the higher priority');
    }),
    onStore('deferred jobs that are due come under the limit of their name', async (store, clock) => {
      await store.insertJobs([...newJobs(3, { name: 'a', delayMs: 1_000, priority: 1 }), newJob({ name: 'b' })]);
      await clock.advance(1_000);
      const request = { names: ['a', 'b'], nameLimits: [{ name: 'a', limit: 2 }] };
      const { jobs, nextDueInMs } = await claim(store, await registerWorker(store), request);
      assert.deepEqual(
        jobs.map(({ name }) => name),
        ['a', 'a', 'b'],
      );
      assert.equal(nextDueInMs, 0, 'one is over the limit');
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
