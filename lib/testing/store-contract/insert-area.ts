import assert from 'node:assert/strict';
import { InvalidOptionsError } from '../../errors.js';
import { newCronId } from '../../id/ids.js';
import type { JobRecord, NewJob } from '../../job/job-record.js';
import { type ContractArea, onStore } from './contract.js';
import { QUEUE, claimIds, idsOf, insertOne, newJob, newJobs, readJob, registerWorker, startJob } from './fixtures.js';

function pendingRecord(job: NewJob, now: number): JobRecord {
  const { runAt, delayMs, uniqueForMs, onConflict: _, ...facts } = job;
  return {
    ...facts,
    state: 'pending',
    runAt: runAt ?? now + delayMs,
    attempt: 0,
    retryCount: 0,
    uniqueUntil: uniqueForMs === null ? null : now + uniqueForMs,
    errors: [],
    result: null,
    progress: null,
    workerId: null,
    startedAt: null,
    completedAt: null,
    cancelRequestedAt: null,
    createdAt: now,
    updatedAt: now,
  };
}

/** Different characters, three bytes each in UTF-8, so that nothing gets shorter by compression. */
function wideText(length: number, seed: number): string {
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return String.fromCharCode(0x4e00 + ((state >>> 8) % 20_000));
  }).join('');
}

export const insertArea: ContractArea = {
  area: 'insert',
  cases: [
    onStore('a plain job is read back as it was inserted, waiting and never claimed', async (store, clock) => {
      const job = await insertOne(store);
      assert.deepEqual(await store.getJob(job.id), pendingRecord(job, clock.now()));
    }),
    onStore('a job with everything set is read back as it was inserted', async (store, clock) => {
      const job = newJob({
        queue: 'mail',
        priority: 7,
        maxRetries: 9,
        timeoutMs: 1_234,
        backoff: { type: 'exponential', initial: '2s', max: 90_000, jitter: 'full' },
        uniqueKey: 'invoice-1',
        uniqueForMs: 60_000,
        groupKey: 'customer-1',
        headers: { traceparent: '00-abc', 'x-note': 'hello' },
        scopeAppId: 'app-1',
        scopeOrgId: 'org-a',
        cronId: newCronId(),
        cronAt: clock.now() + 5,
        delayMs: 1_500,
      });
      await store.insertJobs([job]);
      assert.deepEqual(await store.getJob(job.id), pendingRecord(job, clock.now()));
    }),
    onStore('an insert tells the time of the store, which is when its jobs were created', async (store, clock) => {
      const jobs = newJobs(3);
      const { now, conflicts } = await store.insertJobs(jobs);
      assert.equal(now, clock.now());
      assert.equal(conflicts.size, 0);
      for (const { id } of jobs) assert.equal((await readJob(store, id)).createdAt, now);
    }),
    onStore('a delay is added to the clock of the store', async (store, clock) => {
      const { id } = await insertOne(store, { delayMs: 90_061 });
      assert.equal((await readJob(store, id)).runAt, clock.now() + 90_061);
    }),
    onStore('an absolute time is kept to the millisecond, and counts before a delay', async (store) => {
      const times = [1, 999_999_999_999, Date.UTC(2031, 2, 30, 1, 30, 0, 123), Date.UTC(2031, 9, 26, 1, 59, 59, 999)];
      for (const runAt of times) {
        const { id } = await insertOne(store, { runAt, delayMs: 5_000 });
        assert.equal((await readJob(store, id)).runAt, runAt);
      }
    }),
    onStore('the ends of the allowed ranges are stored exactly', async (store, clock) => {
      const edges: readonly Partial<NewJob>[] = [
        { priority: -32_768, maxRetries: 0, timeoutMs: 0, runAt: 0 },
        { priority: 32_767, maxRetries: 10_000, timeoutMs: 2 ** 45, runAt: Date.UTC(9999, 11, 31) },
      ];
      for (const edge of edges) {
        const job = await insertOne(store, edge);
        assert.deepEqual(await store.getJob(job.id), pendingRecord(job, clock.now()));
      }
    }),
    onStore('the longest names, keys and scopes are accepted, in any script', async (store, clock) => {
      const job = newJob({
        name: wideText(255, 1),
        queue: wideText(255, 2),
        uniqueKey: wideText(512, 3),
        groupKey: wideText(512, 4),
        scopeAppId: wideText(255, 5),
        scopeOrgId: wideText(255, 6),
      });
      await store.insertJobs([job]);
      assert.deepEqual(await store.getJob(job.id), pendingRecord(job, clock.now()));
      const again = await store.insertJobs([{ ...job, id: newJob().id }]);
      assert.equal(again.conflicts.get(0)?.job.id, job.id);
      const near = { ...job, id: newJob().id, uniqueKey: `${job.uniqueKey!.slice(0, -1)}x` };
      assert.equal((await store.insertJobs([near])).conflicts.size, 0);
    }),
    onStore('an empty insert does nothing', async (store, clock) => {
      const { now, conflicts } = await store.insertJobs([]);
      assert.equal(now, clock.now());
      assert.equal(conflicts.size, 0);
      assert.deepEqual((await store.listJobs()).jobs, []);
    }),
    onStore('two thousand jobs are inserted by one call', async (store) => {
      const jobs = newJobs(2_000);
      await store.insertJobs(jobs);
      assert.equal((await store.countJobs()).pending, 2_000);
      const worker = await registerWorker(store);
      const claimed = await claimIds(store, worker, { queues: [{ queue: QUEUE, limit: 2_000 }], limit: 2_000 });
      assert.deepEqual(claimed, idsOf(jobs));
    }),
    onStore('an insert of an id that is there already is refused, with all of its call', async (store) => {
      const there = await insertOne(store, { payload: '"first"' });
      const other = newJob();
      await assert.rejects(store.insertJobs([other, { ...there, payload: '"second"' }]));
      assert.equal(await store.getJob(other.id), null);
      assert.equal((await readJob(store, there.id)).payload, '"first"');
    }),
    onStore('a repeated insert counts rows that are there as inserted, and leaves them as they are', async (store) => {
      const { id } = await startJob(store, { payload: '"first"' });
      const before = await readJob(store, id);
      const result = await store.insertJobs([newJob({ id, payload: '"second"' })], { retry: true });
      assert.equal(result.conflicts.size, 0);
      assert.deepEqual(await readJob(store, id), before);
      assert.equal((await store.listJobs()).jobs.length, 1);
    }),
    onStore('a repeated insert adds the rows that are missing', async (store) => {
      const jobs = newJobs(4);
      await store.insertJobs(jobs.slice(0, 2));
      assert.equal((await store.insertJobs(jobs, { retry: true })).conflicts.size, 0);
      assert.equal((await store.countJobs()).pending, 4);
    }),
    onStore('a repeated insert does not conflict with the unique keys of its own rows', async (store) => {
      for (const onConflict of ['ignore', 'replace', 'error'] as const) {
        const job = newJob({ uniqueKey: `key-${onConflict}`, onConflict });
        await store.insertJobs([job]);
        const before = await readJob(store, job.id);
        const again = await store.insertJobs([job], { retry: true });
        assert.equal(again.conflicts.size, 0, onConflict);
        assert.deepEqual(await readJob(store, job.id), before);
      }
    }),
    onStore('a repeated insert does not take back the unique key of its row that has ended', async (store) => {
      const held = await startJob(store, { uniqueKey: 'key' });
      const { job: first } = held;
      await store.settleJobs(held.workerId, [
        { id: held.id, attempt: held.attempt, outcome: { kind: 'completed', result: null } },
      ]);
      const second = await insertOne(store, { uniqueKey: 'key' });
      const again = await store.insertJobs([newJob({ id: first.id, uniqueKey: 'key', onConflict: 'error' })], {
        retry: true,
      });
      assert.equal(again.conflicts.size, 0);
      assert.equal((await readJob(store, first.id)).state, 'completed');
      assert.equal((await readJob(store, second.id)).state, 'pending');
    }),
    onStore('what was handed in or out can be changed without changing the store', async (store) => {
      const headers: Record<string, string> = { note: 'kept' };
      const job = { ...newJob({ headers }) };
      await store.insertJobs([job]);
      headers['note'] = 'changed';
      job.payload = 'changed';
      const read = (await readJob(store, job.id)) as { headers: Record<string, string>; priority: number };
      try {
        read.headers['note'] = 'changed';
        read.priority = 99;
      } catch (error) {
        assert.ok(error instanceof TypeError, 'a frozen record is fine as well');
      }
      const again = await readJob(store, job.id);
      assert.deepEqual(again.headers, { note: 'kept' });
      assert.equal(again.payload, newJob().payload);
      assert.equal(again.priority, 0);
    }),
    onStore('a transaction that is none of this store is refused', async (store) => {
      const job = newJob();
      await assert.rejects(store.insertJobs([job], { transaction: {} }), InvalidOptionsError);
      assert.equal(await store.getJob(job.id), null);
    }),
  ],
};
