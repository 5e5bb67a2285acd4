import assert from 'node:assert/strict';
import type { NewJob } from '../../job/job-record.js';
import { type ContractArea, onStore } from './contract.js';
import {
  QUEUE,
  claim,
  claimIds,
  idsOf,
  insertOne,
  newJob,
  readJob,
  registerWorker,
  retry,
  settle,
  startJob,
} from './fixtures.js';

/** Which jobs a claim takes, in which order, and what it writes. */
export const claimOrderArea: ContractArea = {
  area: 'claim: order',
  cases: [
    onStore('a claim makes a job running, counts the attempt and names worker and time', async (store, clock) => {
      const { id } = await insertOne(store);
      await clock.advance(250);
      const workerId = await registerWorker(store);
      await claim(store, workerId);
      const job = await readJob(store, id);
      assert.deepEqual(
        { state: job.state, attempt: job.attempt, workerId: job.workerId, startedAt: job.startedAt, at: job.updatedAt },
        { state: 'running', attempt: 1, workerId, startedAt: clock.now(), at: clock.now() },
      );
      assert.equal(job.retryCount, 0);
      assert.equal(job.completedAt, null);
    }),
    onStore('a claimed job carries all that is needed to run it', async (store, clock) => {
      const createdAt = clock.now();
      const given = await insertOne(store, {
        backoff: { type: 'linear', initial: 10 },
        groupKey: 'g',
        uniqueKey: 'u',
        headers: { a: '1' },
        scopeAppId: 'app',
        scopeOrgId: 'org',
        priority: 3,
      });
      await clock.advance(10);
      const { jobs } = await claim(store, await registerWorker(store));
      const { runAt: _, delayMs: _delay, uniqueForMs: _window, onConflict: _conflict, ...facts } = given;
      const expected = { ...facts, attempt: 1, retryCount: 0, runAt: createdAt, createdAt, startedAt: clock.now() };
      assert.deepEqual({ ...jobs[0]!, cronId: null, cronAt: null }, expected);
    }),
    onStore('a claimed job is not claimed again', async (store) => {
      await startJob(store);
      assert.deepEqual(await claimIds(store, await registerWorker(store)), []);
    }),
    onStore('each claim counts one attempt', async (store) => {
      const first = await startJob(store);
      await settle(store, first, retry());
      const { jobs } = await claim(store, first.workerId);
      assert.equal(jobs[0]?.attempt, 2);
      assert.equal(jobs[0]?.retryCount, 1);
    }),
    onStore('a higher priority comes first', async (store) => {
      const jobs = [newJob({ priority: -5 }), newJob({ priority: 10 }), newJob(), newJob({ priority: 2 })];
      await store.insertJobs(jobs);
      const expected = [jobs[1]!, jobs[3]!, jobs[2]!, jobs[0]!];
      assert.deepEqual(await claimIds(store, await registerWorker(store)), idsOf(expected));
    }),
    onStore('of equal priority, the earlier due time comes first', async (store, clock) => {
      const jobs = [5_000, 1_000, 3_000].map((before) => newJob({ runAt: clock.now() - before }));
      await store.insertJobs(jobs);
      assert.deepEqual(await claimIds(store, await registerWorker(store)), [jobs[0]!.id, jobs[2]!.id, jobs[1]!.id]);
    }),
    onStore('of equal due time, the lower id comes first, whatever the order of the insert', async (store, clock) => {
      const jobs = Array.from({ length: 5 }, () => newJob({ runAt: clock.now() }));
      await store.insertJobs(jobs.toReversed());
      assert.deepEqual(await claimIds(store, await registerWorker(store)), idsOf(jobs));
    }),
    onStore('queues come in the order of the list, whatever the priority of their jobs', async (store) => {
      const low = await insertOne(store, { queue: 'first', priority: -100 });
      const high = await insertOne(store, { queue: 'second', priority: 100 });
      const queues = ['first', 'second'].map((queue) => ({ queue, limit: 10 }));
      const worker = await registerWorker(store);
      assert.deepEqual(await claimIds(store, worker, { queues }), [low.id, high.id]);
      const [low2, high2] = [newJob({ queue: 'first' }), newJob({ queue: 'second' })];
      await store.insertJobs([low2, high2]);
      const other = await claimIds(store, worker, { queues: queues.toReversed() });
      assert.deepEqual(other, [high2.id, low2.id]);
    }),
    onStore('queue, priority, due time and id decide together', async (store, clock) => {
      const queues = ['a', 'b', 'c'];
      const jobs: NewJob[] = [];
      for (let n = 0; n < 90; n++) {
        const priority = Math.floor(clock.random() * 3);
        const runAt = clock.now() - Math.floor(clock.random() * 3) * 1_000;
        jobs.push(newJob({ queue: queues[n % 3]!, priority, runAt }));
      }
      await store.insertJobs(jobs.toSorted(() => clock.random() - 0.5));
      const expected = jobs.toSorted(
        (a, b) =>
          queues.indexOf(a.queue) - queues.indexOf(b.queue) ||
          b.priority - a.priority ||
          a.runAt! - b.runAt! ||
          (a.id < b.id ? -1 : 1),
      );
      const worker = await registerWorker(store);
      const claimed: string[] = [];
      for (let left = jobs.length; left > 0; left -= 7) {
        claimed.push(
          ...(await claimIds(store, worker, { queues: queues.map((queue) => ({ queue, limit: 50 })), limit: 7 })),
        );
      }
      assert.deepEqual(claimed, idsOf(expected));
    }),
    onStore('a deferred job is claimed when it is due, not a millisecond before', async (store, clock) => {
      const worker = await registerWorker(store);
      for (const delayMs of [1, 5_000]) {
        const { id } = await insertOne(store, { delayMs });
        await clock.advance(delayMs - 1);
        assert.deepEqual(await claimIds(store, worker), []);
        await clock.advance(1);
        assert.deepEqual(await claimIds(store, worker), [id]);
      }
    }),
    onStore('a deferred job that has become due goes before those of lower priority', async (store, clock) => {
      const plain = await insertOne(store);
      const deferred = await insertOne(store, { delayMs: 1_000, priority: 1 });
      await clock.advance(1_000);
      assert.deepEqual(await claimIds(store, await registerWorker(store)), [deferred.id, plain.id]);
    }),
    onStore('thousands of deferred jobs do not hide the one that is due', async (store) => {
      const deferred = Array.from({ length: 3_000 }, () => newJob({ delayMs: 60_000, priority: 100 }));
      await store.insertJobs(deferred);
      const { id } = await insertOne(store, { priority: -1 });
      assert.deepEqual(await claimIds(store, await registerWorker(store), { limit: 1 }), [id]);
    }),
    onStore('a retried job waits for its delay, and then takes its place by due time', async (store, clock) => {
      const held = await startJob(store);
      await settle(store, held, retry(2_000));
      await clock.advance(1_999);
      assert.deepEqual(await claimIds(store, held.workerId), []);
      await clock.advance(1);
      const later = await insertOne(store, { runAt: clock.now() + 1 });
      await clock.advance(1);
      assert.deepEqual(await claimIds(store, held.workerId, { queues: [{ queue: QUEUE, limit: 5 }] }), [
        held.id,
        later.id,
      ]);
    }),
  ],
};
