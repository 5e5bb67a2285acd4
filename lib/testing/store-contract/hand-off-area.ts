import assert from 'node:assert/strict';
import type { WorkerId } from '../../id/ids.js';
import type { NewJob } from '../../job/job-record.js';
import type { InsertJobsResult } from '../../job/job-store.js';
import type { Store } from '../../store/store.js';
import { type ContractArea, onStore } from './contract.js';
import { claim, claimIds, completed, idsOf, newJob, readJob, registerWorker, rescue, settle } from './fixtures.js';

/** Inserts jobs for a worker that has slots for all of them. */
function handOff(store: Store, workerId: WorkerId, jobs: readonly NewJob[]): Promise<InsertJobsResult> {
  return store.insertJobs(jobs, { handOff: { workerId, ids: new Set(jobs.map(({ id }) => id)) } });
}

const startedBy = ({ handedOff = [] }: InsertJobsResult): readonly string[] => idsOf(handedOff);

/** Jobs that begin as running. A store that hands nothing off lets them wait, which every case allows for. */
export const handOffArea: ContractArea = {
  area: 'hand-off',
  cases: [
    onStore('a job that is handed off is what a claim would have left, and can be settled', async (store) => {
      const worker = await registerWorker(store);
      const job = newJob({ priority: 3, headers: { a: 'b' } });
      const { handedOff } = await handOff(store, worker, [job]);
      if (!store.handsOff) {
        assert.deepEqual(handedOff ?? [], []);
        assert.deepEqual(await claimIds(store, worker), [job.id]);
        return;
      }
      const record = await readJob(store, job.id);
      assert.deepEqual([record.state, record.attempt, record.workerId], ['running', 1, worker]);
      const [claimed] = handedOff!;
      const { uniqueUntil: _, ...known } = record as typeof record & { uniqueUntil: unknown };
      for (const [key, value] of Object.entries(claimed!))
        assert.deepEqual(known[key as keyof typeof known], value, key);
      assert.deepEqual(await claimIds(store, worker), [], 'nobody else gets it');
      assert.deepEqual(await settle(store, { ...claimed!, workerId: worker }, completed()), {
        lost: [],
        cancelled: [],
      });
      assert.equal((await readJob(store, job.id)).state, 'completed');
    }),
    onStore('it is freed as others are when its worker dies, and the next claim is attempt 2', async (store, clock) => {
      const worker = await registerWorker(store, 1_000);
      const job = newJob();
      if (startedBy(await handOff(store, worker, [job])).length === 0) await claim(store, worker);
      await clock.advance(1_001);
      assert.deepEqual(
        (await rescue(store)).map(({ job: { id, retryCount } }) => [id, retryCount]),
        [[job.id, 1]],
      );
      const [again] = (await claim(store, await registerWorker(store))).jobs;
      assert.equal(again?.attempt, 2);
    }),
    onStore('nothing is handed to a worker that may not claim', async (store, clock) => {
      const [late, draining, missing] = [
        await registerWorker(store, 1_000),
        await registerWorker(store),
        await registerWorker(store),
      ];
      await store.drainWorker(draining);
      await store.deregisterWorker(missing, { idle: true });
      await clock.advance(1_001);
      const waiting: string[] = [];
      for (const worker of [late, draining, missing]) {
        const job = newJob();
        assert.deepEqual(startedBy(await handOff(store, worker, [job])), []);
        waiting.push(job.id);
      }
      assert.deepEqual((await claimIds(store, await registerWorker(store))).toSorted(), waiting.toSorted());
    }),
    onStore('a job does not overtake what waits in its queue at an equal or a better priority', async (store) => {
      const worker = await registerWorker(store);
      const waiting = newJob({ priority: 5, name: 'other' });
      await store.insertJobs([waiting, newJob({ queue: 'elsewhere', priority: 9 })]);
      const [equal, worse, better] = [newJob({ priority: 5 }), newJob({ priority: 4 }), newJob({ priority: 6 })];
      assert.deepEqual(startedBy(await handOff(store, worker, [equal])), []);
      assert.deepEqual(startedBy(await handOff(store, worker, [worse])), []);
      assert.deepEqual(startedBy(await handOff(store, worker, [better])), store.handsOff ? [better.id] : []);
    }),
    onStore('only the jobs that were named are handed off', async (store) => {
      const worker = await registerWorker(store);
      const [named, other] = [newJob(), newJob()];
      const result = await store.insertJobs([named, other], {
        handOff: { workerId: worker, ids: new Set([named.id]) },
      });
      assert.deepEqual(startedBy(result), store.handsOff ? [named.id] : []);
      assert.equal((await readJob(store, other.id)).state, 'pending');
    }),
  ],
};
