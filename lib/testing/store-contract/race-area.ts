import assert from 'node:assert/strict';
import { InvalidStateError, JobAlreadyCompleteError, JobAlreadyExistsError } from '../../errors.js';
import { type JobId, newDlqId, newJobId } from '../../id/ids.js';
import type { Store } from '../../store/store.js';
import { type ContractArea, onTwoStores } from './contract.js';
import {
  LEASE_MS,
  claim,
  claimIds,
  completed,
  failJob,
  idsOf,
  insertOne,
  newJob,
  newJobs,
  readJob,
  registerWorker,
  rescue,
  settle,
} from './fixtures.js';

/** How often a race is run: either side should win some of them. */
const ROUNDS = 20;

/** Calls that are enough to get through any of these cases. */
const ENOUGH_CALLS = 10_000;

/** Claims until nothing is left. */
async function drain(store: Store, limit: number): Promise<readonly JobId[]> {
  const worker = await registerWorker(store);
  const ids: JobId[] = [];
  for (let call = 0; call < ENOUGH_CALLS; call++) {
    const { jobs, nextDueInMs } = await claim(store, worker, { limit });
    ids.push(...idsOf(jobs));
    if (jobs.length === 0 && nextDueInMs === null) return ids;
  }
  assert.fail('the claims never come to an end');
}

/** Whether the promise came true; any error but `Expected` is a failure of the case. */
async function won(promise: Promise<unknown>, Expected: new (...args: never[]) => Error): Promise<boolean> {
  try {
    await promise;
    return true;
  } catch (error) {
    assert.ok(error instanceof Expected, error instanceof Error ? error.stack : String(error));
    return false;
  }
}

/** Two processes that do something at the same time. */
export const raceArea: ContractArea = {
  area: 'races of two stores',
  cases: [
    onTwoStores('what one store inserts, the other reads, claims and settles', async (first, second) => {
      const { id } = await insertOne(first);
      assert.equal((await second.getJob(id))?.state, 'pending');
      const worker = await registerWorker(second);
      assert.deepEqual(idsOf(await first.listWorkers()), [worker]);
      assert.deepEqual(await claimIds(second, worker), [id]);
      await settle(first, { id, attempt: 1, workerId: worker }, completed('1'));
      assert.equal((await second.getJob(id))?.result, '1');
    }),
    onTwoStores(
      'two stores that claim never get the same job, and miss none of five hundred',
      async (first, second) => {
        const jobs = newJobs(500);
        await first.insertJobs(jobs);
        const drains = [drain(first, 7), drain(second, 11), drain(first, 5), drain(second, 3)];
        const claimed = (await Promise.all(drains)).flat();
        assert.equal(claimed.length, 500, 'no job twice');
        assert.deepEqual(claimed.toSorted(), idsOf(jobs).toSorted());
        const { jobs: read } = await first.listJobs({ limit: 1_000 });
        assert.ok(read.every(({ attempt, state }) => attempt === 1 && state === 'running'));
      },
    ),
    onTwoStores('inserts and claims at the same time lose nothing', async (first, second) => {
      const batches = Array.from({ length: 20 }, () => newJobs(10));
      const worker = await registerWorker(second);
      const claimed: JobId[] = [];
      const inserting = Promise.all(batches.map((batch) => first.insertJobs(batch)));
      let inserted = false;
      void inserting.finally(() => (inserted = true));
      for (let call = 0; call < ENOUGH_CALLS; call++) {
        const last = inserted;
        const ids = await claimIds(second, worker, { limit: 13 });
        claimed.push(...ids);
        if (last && ids.length === 0) break;
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      await inserting;
      assert.deepEqual(claimed.toSorted(), batches.flatMap(idsOf).toSorted());
    }),
    onTwoStores(
      'claim against cancel: the job is either cancelled unseen, or claimed and asked to stop',
      async (first, second) => {
        const worker = await registerWorker(first);
        for (let round = 0; round < ROUNDS; round++) {
          const { id } = await insertOne(first);
          const [ids, { kind }] = await Promise.all([claimIds(first, worker), second.cancelJob(id)]);
          const job = await readJob(first, id);
          if (ids.length === 0) assert.deepEqual([kind, job.state], ['cancelled', 'cancelled']);
          else assert.deepEqual([kind, job.state, job.cancelRequestedAt !== null], ['requested', 'running', true]);
        }
      },
    ),
    onTwoStores('settle against rescue: one of them counts, never both', async (first, second, clock) => {
      for (let round = 0; round < ROUNDS; round++) {
        const { id } = await insertOne(first, { maxRetries: 0 });
        const workerId = await registerWorker(first, 1_000);
        await claimIds(first, workerId);
        await clock.advance(1_001);
        const [{ lost }, rescued] = await Promise.all([
          settle(first, { id, attempt: 1, workerId }, completed('1')),
          rescue(second),
        ]);
        assert.equal(lost.length + (1 - rescued.length), 1, 'lost if and only if it was rescued');
        const job = await readJob(second, id);
        assert.equal(job.state, rescued.length === 1 ? 'failed' : 'completed');
        assert.equal(job.result, rescued.length === 1 ? null : '1');
        assert.equal(await second.countDlq(), rescued.length);
        await first.discardJob(id);
      }
    }),
    onTwoStores('cancel against settle: a job that ended first cannot be cancelled', async (first, second) => {
      const workerId = await registerWorker(first);
      for (let round = 0; round < ROUNDS; round++) {
        const { id } = await insertOne(first);
        await claimIds(first, workerId);
        const [{ lost }, requested] = await Promise.all([
          settle(first, { id, attempt: 1, workerId }, completed()),
          won(second.cancelJob(id), JobAlreadyCompleteError),
        ]);
        assert.deepEqual(lost, []);
        const job = await readJob(first, id);
        assert.equal(job.state, 'completed');
        if (!requested) assert.equal(job.cancelRequestedAt, null);
      }
    }),
    onTwoStores('retry against discard: the job is gone, or it never was', async (first, second) => {
      for (let round = 0; round < ROUNDS; round++) {
        const { jobId } = await failJob(first);
        const outcomes = await Promise.allSettled([first.retryJob(jobId), second.discardJob(jobId)]);
        assert.equal(outcomes[1].status, 'fulfilled', 'a failed or pending job may be discarded');
        assert.equal(await first.getJob(jobId), null);
      }
    }),
    onTwoStores('one unique key inserted by both at the same time gives one job', async (first, second) => {
      for (let round = 0; round < ROUNDS; round++) {
        const uniqueKey = `key-${round}`;
        const jobs = newJobs(6, { uniqueKey });
        const results = await Promise.all(jobs.map((job, n) => (n % 2 ? first : second).insertJobs([job])));
        const winners = jobs.filter((_, n) => results[n]!.conflicts.size === 0);
        assert.equal(winners.length, 1);
        for (const { conflicts } of results) {
          if (conflicts.size > 0) assert.equal(conflicts.get(0)?.job.id, winners[0]!.id);
        }
      }
      assert.equal((await first.countJobs()).pending, ROUNDS);
    }),
    onTwoStores('one unique key with error: all but one are refused', async (first, second) => {
      for (let round = 0; round < ROUNDS; round++) {
        const jobs = newJobs(4, { uniqueKey: `key-${round}`, onConflict: 'error' });
        const inserts = jobs.map((job, n) => won((n % 2 ? first : second).insertJobs([job]), JobAlreadyExistsError));
        assert.equal((await Promise.all(inserts)).filter(Boolean).length, 1);
      }
    }),
    onTwoStores('an expired unique key is taken over by one of many', async (first, second, clock) => {
      for (let round = 0; round < ROUNDS; round++) {
        const uniqueKey = `key-${round}`;
        await insertOne(first, { uniqueKey, uniqueForMs: 1_000 });
        await clock.advance(1_001);
        const jobs = newJobs(4, { uniqueKey, uniqueForMs: LEASE_MS });
        const results = await Promise.all(jobs.map((job, n) => (n % 2 ? first : second).insertJobs([job])));
        assert.equal(results.filter(({ conflicts }) => conflicts.size === 0).length, 1);
      }
      assert.equal((await first.countJobs()).pending, ROUNDS * 2);
    }),
    onTwoStores('batches with the same keys in different orders do not lock each other out', async (first, second) => {
      const keys = Array.from({ length: 50 }, (_, n) => `key-${n}`);
      const batch = (order: readonly string[]) => order.map((uniqueKey) => newJob({ uniqueKey }));
      await Promise.all([
        first.insertJobs(batch(keys)),
        second.insertJobs(batch(keys.toReversed())),
        first.insertJobs(batch(keys.toReversed())),
        second.insertJobs(batch(keys)),
      ]);
      assert.equal((await first.countJobs()).pending, 50);
    }),
    onTwoStores('of two replays at the same time one wins', async (first, second) => {
      for (let round = 0; round < ROUNDS; round++) {
        const { dlqId } = await failJob(first);
        const ids = [newJobId(), newJobId()];
        const replays = ids.map((jobId, n) =>
          won((n ? second : first).replayDlqEntry(dlqId, { jobId }), InvalidStateError),
        );
        const wins = await Promise.all(replays);
        assert.deepEqual(wins.toSorted(), [false, true]);
        const winner = ids[wins.indexOf(true)]!;
        assert.equal((await first.getDlqEntry(dlqId))?.replayJobId, winner);
        assert.equal(await first.getJob(ids[wins.indexOf(false)]!), null);
        await first.discardJob(winner);
      }
    }),
    onTwoStores('two rescuers free every job once', async (first, second) => {
      const jobs = newJobs(60, { maxRetries: 0 });
      await first.insertJobs(jobs);
      const worker = await registerWorker(first);
      await claim(first, worker);
      await first.deregisterWorker(worker);
      const freed: JobId[] = [];
      const rescuer = async (store: Store, limit: number) => {
        for (let call = 0; call < ENOUGH_CALLS; call++) {
          const rescued = await store.rescueJobs({ limit, newDlqId: () => newDlqId() });
          freed.push(...rescued.map(({ job }) => job.id));
          if ((await store.countJobs()).running === 0) return;
        }
      };
      await Promise.all([rescuer(first, 7), rescuer(second, 5), rescuer(first, 3)]);
      assert.deepEqual(freed.toSorted(), idsOf(jobs).toSorted());
      assert.equal(await first.countDlq(), 60);
      const { jobs: read } = await first.listJobs({ limit: 100 });
      assert.ok(read.every(({ retryCount }) => retryCount === 1));
    }),
    onTwoStores('two settlements of one attempt at the same time: one is lost', async (first, second) => {
      const workerId = await registerWorker(first);
      for (let round = 0; round < ROUNDS; round++) {
        const { id } = await insertOne(first);
        await claimIds(first, workerId);
        const settled = await Promise.all(
          [first, second].map((store, n) => settle(store, { id, attempt: 1, workerId }, completed(String(n)))),
        );
        assert.equal(settled.filter(({ lost }) => lost.length === 0).length, 1);
        const winner = settled.findIndex(({ lost }) => lost.length === 0);
        assert.equal((await readJob(first, id)).result, String(winner));
      }
    }),
  ],
};
