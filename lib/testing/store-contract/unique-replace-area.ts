import assert from 'node:assert/strict';
import { JobAlreadyExistsError } from '../../errors.js';
import type { NewJob } from '../../job/job-record.js';
import { type ContractArea, onStore } from './contract.js';
import {
  claimIds,
  completed,
  insertOne,
  jobInState,
  newJob,
  readJob,
  registerWorker,
  settle,
  startJob,
} from './fixtures.js';

const KEY = 'invoice-1';

const REPLACEMENT: Partial<NewJob> = {
  queue: 'other',
  payload: '"newer"',
  codec: 'json2',
  priority: 5,
  maxRetries: 8,
  timeoutMs: 99,
  backoff: { type: 'constant', initial: 50 },
  groupKey: 'group',
  headers: { a: 'b' },
  uniqueKey: KEY,
  onConflict: 'replace',
};

/** `onConflict: 'replace'`, and keys that meet inside one call. */
export const uniqueReplaceArea: ContractArea = {
  area: 'unique keys: replace and batches',
  cases: [
    onStore('replace: a waiting job keeps its id and takes over payload and options', async (store, clock) => {
      const first = await insertOne(store, { uniqueKey: KEY, delayMs: 60_000 });
      const createdAt = clock.now();
      await clock.advance(1_000);
      const second = newJob({ ...REPLACEMENT, delayMs: 5_000, uniqueForMs: 30_000 });
      const { conflicts } = await store.insertJobs([second]);
      const after = await readJob(store, first.id);
      assert.equal(conflicts.get(0)?.kind, 'replaced');
      assert.deepEqual(conflicts.get(0)?.job, after);
      const { queue, payload, codec, priority, maxRetries, timeoutMs, backoff, groupKey, headers } = second;
      assert.deepEqual(
        { ...after },
        {
          ...after,
          ...{ queue, payload, codec, priority, maxRetries, timeoutMs, backoff, groupKey, headers },
          id: first.id,
          state: 'pending',
          createdAt,
          updatedAt: clock.now(),
          runAt: clock.now() + 5_000,
          uniqueKey: KEY,
          uniqueUntil: clock.now() + 30_000,
        },
      );
      assert.equal(await store.getJob(second.id), null);
    }),
    onStore('replace: the job is claimed from its new queue at its new time', async (store) => {
      const first = await insertOne(store, { uniqueKey: KEY, delayMs: 60_000 });
      await store.insertJobs([newJob({ ...REPLACEMENT, delayMs: 0 })]);
      const worker = await registerWorker(store);
      assert.deepEqual(await claimIds(store, worker), []);
      assert.deepEqual(await claimIds(store, worker, { queues: [{ queue: 'other', limit: 5 }] }), [first.id]);
    }),
    onStore('replace: a job that is due can be put off', async (store, clock) => {
      const first = await insertOne(store, { uniqueKey: KEY });
      await store.insertJobs([newJob({ uniqueKey: KEY, onConflict: 'replace', delayMs: 5_000 })]);
      const worker = await registerWorker(store);
      assert.deepEqual(await claimIds(store, worker), []);
      await clock.advance(5_000);
      assert.deepEqual(await claimIds(store, worker), [first.id]);
    }),
    onStore('replace: a retrying job is a waiting one, and its attempts and failures stay counted', async (store) => {
      const held = await jobInState(store, 'retrying', { uniqueKey: KEY });
      const { conflicts } = await store.insertJobs([newJob({ ...REPLACEMENT, queue: 'default' })]);
      assert.equal(conflicts.get(0)?.kind, 'replaced');
      const after = await readJob(store, held.id);
      assert.equal(after.payload, '"newer"');
      assert.deepEqual([after.state, after.attempt, after.retryCount, after.errors.length], ['retrying', 1, 1, 1]);
      assert.deepEqual(await claimIds(store, await registerWorker(store)), [held.id]);
      assert.equal((await readJob(store, held.id)).attempt, 2);
    }),
    onStore('replace: a running job gives up its key, and the new job is inserted', async (store) => {
      const held = await startJob(store, { uniqueKey: KEY });
      const second = newJob({ uniqueKey: KEY, onConflict: 'replace' });
      assert.equal((await store.insertJobs([second])).conflicts.size, 0);
      assert.equal((await readJob(store, held.id)).state, 'running');
      assert.equal((await readJob(store, second.id)).state, 'pending');
      assert.deepEqual((await settle(store, held, completed())).lost, []);
      const { conflicts } = await store.insertJobs([newJob({ uniqueKey: KEY })]);
      assert.equal(conflicts.get(0)?.job.id, second.id, 'the end of the old job does not free the key of the new one');
    }),
    onStore('replace: without a job to replace, the job is inserted', async (store) => {
      const job = newJob({ uniqueKey: KEY, onConflict: 'replace' });
      assert.equal((await store.insertJobs([job])).conflicts.size, 0);
      assert.equal((await readJob(store, job.id)).state, 'pending');
    }),
    onStore('batch: the first job of a key wins, and the later ones meet it', async (store) => {
      const jobs = [
        newJob(),
        newJob({ uniqueKey: KEY, payload: '1' }),
        newJob({ uniqueKey: KEY, payload: '2' }),
        newJob({ uniqueKey: 'free' }),
        newJob({ uniqueKey: KEY, payload: '3' }),
      ];
      const { conflicts } = await store.insertJobs(jobs);
      assert.deepEqual([...conflicts.keys()].sort(), [2, 4]);
      for (const index of [2, 4]) {
        assert.equal(conflicts.get(index)?.kind, 'existing');
        assert.equal(conflicts.get(index)?.job.id, jobs[1]!.id);
        assert.equal(await store.getJob(jobs[index]!.id), null);
      }
      assert.equal((await readJob(store, jobs[1]!.id)).payload, '1');
      assert.equal((await store.countJobs()).pending, 3);
    }),
    onStore('batch: a later replace changes the first job of the key', async (store) => {
      const jobs = [1, 2, 3].map((n) => newJob({ uniqueKey: KEY, payload: String(n), onConflict: 'replace' }));
      const { conflicts } = await store.insertJobs(jobs);
      assert.deepEqual([...conflicts.keys()].sort(), [1, 2]);
      assert.equal(conflicts.get(2)?.kind, 'replaced');
      assert.equal(conflicts.get(2)?.job.id, jobs[0]!.id);
      assert.equal((await readJob(store, jobs[0]!.id)).payload, '3');
      assert.equal((await store.countJobs()).pending, 1);
    }),
    onStore('batch: replace and ignore of one key apply in the order given', async (store) => {
      const there = await insertOne(store, { uniqueKey: KEY, payload: '0' });
      const { conflicts } = await store.insertJobs([
        newJob({ uniqueKey: KEY, payload: '1', onConflict: 'replace' }),
        newJob({ uniqueKey: KEY, payload: '2', onConflict: 'ignore' }),
      ]);
      assert.equal(conflicts.get(0)?.kind, 'replaced');
      assert.equal(conflicts.get(1)?.kind, 'existing');
      assert.equal(conflicts.get(1)?.job.id, there.id);
      assert.equal((await readJob(store, there.id)).payload, '1');
    }),
    onStore('batch: two jobs of one key with error refuse the whole call', async (store) => {
      const jobs = [newJob(), newJob({ uniqueKey: KEY }), newJob({ uniqueKey: KEY, onConflict: 'error' })];
      await assert.rejects(store.insertJobs(jobs), (error) => {
        assert.ok(error instanceof JobAlreadyExistsError);
        assert.equal(error.existingId, jobs[1]!.id);
        return true;
      });
      assert.equal((await store.countJobs()).pending, 0);
    }),
    onStore('batch: a replace that went before an error is undone with it', async (store) => {
      const there = await insertOne(store, { uniqueKey: 'a', payload: '"old"' });
      await insertOne(store, { uniqueKey: 'b' });
      await assert.rejects(
        store.insertJobs([
          newJob({ uniqueKey: 'a', payload: '"new"', onConflict: 'replace' }),
          newJob({ uniqueKey: 'b', onConflict: 'error' }),
        ]),
        JobAlreadyExistsError,
      );
      assert.equal((await readJob(store, there.id)).payload, '"old"');
    }),
    onStore('batch: an expired key is taken over by the first job of it only', async (store, clock) => {
      await insertOne(store, { uniqueKey: KEY, uniqueForMs: 1_000 });
      await clock.advance(1_001);
      const jobs = [newJob({ uniqueKey: KEY }), newJob({ uniqueKey: KEY })];
      const { conflicts } = await store.insertJobs(jobs);
      assert.deepEqual([...conflicts.keys()], [1]);
      assert.equal(conflicts.get(1)?.job.id, jobs[0]!.id);
    }),
    onStore('batch: hundreds of keys at once, half of them held', async (store) => {
      const held = Array.from({ length: 200 }, (_, n) => newJob({ uniqueKey: `key-${n * 2}` }));
      await store.insertJobs(held);
      const jobs = Array.from({ length: 400 }, (_, n) => newJob({ uniqueKey: `key-${n}` }));
      const { conflicts } = await store.insertJobs(jobs);
      assert.equal(conflicts.size, 200);
      for (const [index, { job }] of conflicts) assert.equal(job.id, held[index / 2]?.id);
    }),
  ],
};
