import assert from 'node:assert/strict';
import { type DlqId, newDlqId } from '../../id/ids.js';
import { type ContractArea, onStore } from './contract.js';
import {
  claim,
  claimIds,
  claimOne,
  completed,
  idsOf,
  newJobs,
  readJob,
  registerWorker,
  rescue,
  settle,
  startJob,
} from './fixtures.js';

/** Jobs whose worker died. */
export const rescueArea: ContractArea = {
  area: 'rescue',
  cases: [
    onStore(
      'a job of a worker whose lease has expired is freed: a retry is spent and the loss is recorded',
      async (store, clock) => {
        const held = await startJob(store, {}, undefined, 1_000);
        await clock.advance(5_000);
        const [rescued, ...others] = await rescue(store);
        assert.deepEqual(others, []);
        assert.equal(rescued?.workerId, held.workerId);
        const job = await readJob(store, held.id);
        assert.deepEqual(rescued.job, job);
        assert.deepEqual(
          { state: job.state, retryCount: job.retryCount, attempt: job.attempt, workerId: job.workerId },
          { state: 'retrying', retryCount: 1, attempt: 1, workerId: null },
        );
        assert.ok(job.runAt <= clock.now(), 'it is due at once');
        const [error, ...moreErrors] = job.errors;
        assert.deepEqual(moreErrors, []);
        assert.deepEqual([error?.name, error?.attempt, error?.at], ['WorkerLostError', 1, clock.now()]);
        assert.deepEqual(await claimIds(store, await registerWorker(store)), [held.id]);
      },
    ),
    onStore('the worker is declared dead with it', async (store, clock) => {
      await startJob(store, {}, undefined, 1_000);
      await clock.advance(1_001);
      await rescue(store);
      assert.equal((await store.listWorkers())[0]?.state, 'dead');
    }),
    onStore('jobs of live and of draining workers are left alone', async (store, clock) => {
      const held = await startJob(store, {}, undefined, 10_000);
      const draining = await startJob(store, {}, undefined, 10_000);
      await store.drainWorker(draining.workerId);
      await clock.advance(9_000);
      assert.deepEqual(await rescue(store), []);
      for (const { id } of [held, draining]) assert.equal((await readJob(store, id)).state, 'running');
      await clock.advance(1_001);
      assert.equal((await rescue(store)).length, 2, 'a draining worker can die, too');
    }),
    onStore('a missing worker row counts as dead', async (store) => {
      const held = await startJob(store);
      await store.deregisterWorker(held.workerId);
      assert.deepEqual(
        (await rescue(store)).map(({ job, workerId }) => [job.id, workerId]),
        [[held.id, held.workerId]],
      );
    }),
    onStore('a job is rescued once', async (store) => {
      const held = await startJob(store);
      await store.deregisterWorker(held.workerId);
      assert.equal((await rescue(store)).length, 1);
      assert.deepEqual(await rescue(store), []);
      assert.equal((await readJob(store, held.id)).retryCount, 1);
    }),
    onStore('settled, waiting and ended jobs are not rescued', async (store) => {
      const held = await startJob(store);
      await settle(store, held, completed());
      await store.insertJobs(newJobs(2));
      await store.deregisterWorker(held.workerId);
      assert.deepEqual(await rescue(store), []);
    }),
    onStore(
      'a job that kills its worker more often than it may retry fails, with a dead-letter entry',
      async (store) => {
        const held = await startJob(store, { maxRetries: 2 });
        let { workerId } = held;
        const dlqId = newDlqId();
        const states: string[] = [];
        for (let crash = 1; crash <= 3; crash++) {
          await store.deregisterWorker(workerId);
          const [rescued] = await store.rescueJobs({ limit: 10, newDlqId: () => dlqId });
          states.push(rescued!.job.state);
          if (crash < 3) ({ workerId } = await claimOne(store, await registerWorker(store)));
        }
        assert.deepEqual(states, ['retrying', 'retrying', 'failed']);
        const job = await readJob(store, held.id);
        assert.deepEqual([job.retryCount, job.attempt, job.workerId], [3, 3, null]);
        assert.ok(job.completedAt);
        const entry = await store.getDlqEntry(dlqId);
        assert.deepEqual([entry?.jobId, entry?.retryCount, entry?.failedAt], [held.id, 3, job.completedAt]);
        assert.deepEqual(entry?.errors, job.errors);
        assert.deepEqual(
          job.errors.map(({ name, attempt }) => [name, attempt]),
          [1, 2, 3].map((attempt) => ['WorkerLostError', attempt]),
        );
      },
    ),
    onStore('without retries the first crash fails the job', async (store) => {
      const held = await startJob(store, { maxRetries: 0 });
      await store.deregisterWorker(held.workerId);
      assert.equal((await rescue(store))[0]?.job.state, 'failed');
      assert.equal(await store.countDlq(), 1);
    }),
    onStore('several jobs that fail at once get an entry each', async (store) => {
      const jobs = newJobs(5, { maxRetries: 0 });
      await store.insertJobs(jobs);
      const worker = await registerWorker(store);
      await claim(store, worker);
      await store.deregisterWorker(worker);
      const made: DlqId[] = [];
      await store.rescueJobs({
        limit: 10,
        newDlqId: () => {
          const id = newDlqId();
          made.push(id);
          return id;
        },
      });
      const { entries } = await store.listDlq();
      assert.deepEqual(entries.map(({ jobId }) => jobId).toSorted(), idsOf(jobs).toSorted());
      for (const { id } of entries) assert.ok(made.includes(id));
    }),
    onStore('a job that somebody asked to cancel is cancelled by the rescue', async (store, clock) => {
      const held = await startJob(store, { maxRetries: 0 });
      await store.cancelJob(held.id);
      await store.deregisterWorker(held.workerId);
      await clock.advance(10);
      const [rescued] = await rescue(store);
      assert.equal(rescued?.job.state, 'cancelled');
      assert.equal((await readJob(store, held.id)).completedAt, clock.now());
      assert.equal(await store.countDlq(), 0);
    }),
    onStore('one call frees at most its limit, and the next ones the rest', async (store) => {
      await store.insertJobs(newJobs(7));
      const worker = await registerWorker(store);
      await claim(store, worker);
      await store.deregisterWorker(worker);
      const freed: string[] = [];
      const sizes: number[] = [];
      for (let round = 0; round < 4; round++) {
        const rescued = await rescue(store, 3);
        sizes.push(rescued.length);
        freed.push(...rescued.map(({ job }) => job.id));
      }
      assert.deepEqual(sizes, [3, 3, 1, 0]);
      assert.equal(new Set(freed).size, 7);
    }),
    onStore(
      'what a first call left over is freed later, although its worker is marked dead by then',
      async (store, clock) => {
        await store.insertJobs(newJobs(4));
        const worker = await registerWorker(store, 1_000);
        await claim(store, worker);
        await clock.advance(1_001);
        assert.equal((await rescue(store, 1)).length, 1);
        assert.equal((await rescue(store, 10)).length, 3);
      },
    ),
    onStore('workers die one by one, each with its own jobs', async (store, clock) => {
      const early = await startJob(store, {}, undefined, 1_000);
      const late = await startJob(store, {}, undefined, 5_000);
      await clock.advance(2_000);
      assert.deepEqual(
        (await rescue(store)).map(({ job, workerId }) => [job.id, workerId]),
        [[early.id, early.workerId]],
      );
      assert.equal((await readJob(store, late.id)).state, 'running');
    }),
  ],
};
