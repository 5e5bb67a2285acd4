import assert from 'node:assert/strict';
import { JobAlreadyExistsError } from '../../errors.js';
import type { JobRecord, NewJob } from '../../job/job-record.js';
import type { Outcome } from '../../job/outcome.js';
import type { Store } from '../../store/store.js';
import { type ContractArea, type ContractCase, onStore } from './contract.js';
import {
  type Held,
  SCOPE_A,
  SCOPE_B,
  SCOPE_C,
  cancelled,
  claimIds,
  claimOne,
  completed,
  failed,
  inScope,
  insertOne,
  newJob,
  readJob,
  registerWorker,
  released,
  rescue,
  retry,
  settle,
  snoozed,
  startJob,
} from './fixtures.js';

const KEY = 'invoice-1';

/** The id of the job that an insert with the key meets, or `null` when it was inserted. */
async function holderOfKey(store: Store, overrides: Partial<NewJob> = {}): Promise<string | null> {
  const { conflicts } = await store.insertJobs([newJob({ uniqueKey: KEY, ...overrides })]);
  return conflicts.get(0)?.job.id ?? null;
}

function endCase(how: string, end: (store: Store, held: Held) => Promise<unknown>): ContractCase {
  return onStore(`a job that was ${how} gives its key back`, async (store) => {
    const held = await startJob(store, { uniqueKey: KEY });
    await end(store, held);
    assert.equal(await holderOfKey(store), null);
  });
}

function keepCase(what: string, outcome: Outcome): ContractCase {
  return onStore(`a ${what} job keeps its key`, async (store) => {
    const held = await startJob(store, { uniqueKey: KEY });
    await settle(store, held, outcome);
    assert.equal(await holderOfKey(store), held.id);
  });
}

/** Unique keys of single jobs: conflicts, and when a key is free again. */
export const uniqueArea: ContractArea = {
  area: 'unique keys',
  cases: [
    onStore('ignore: the second job is not inserted, and the caller sees the first', async (store) => {
      const first = await insertOne(store, { uniqueKey: KEY });
      const second = newJob({ uniqueKey: KEY, payload: '"other"' });
      const { conflicts } = await store.insertJobs([second]);
      assert.equal(conflicts.get(0)?.kind, 'existing');
      assert.deepEqual(conflicts.get(0)?.job, await readJob(store, first.id));
      assert.equal(await store.getJob(second.id), null);
      assert.equal((await readJob(store, first.id)).payload, first.payload);
    }),
    onStore('error: the call is refused and names key and holder', async (store) => {
      const first = await insertOne(store, { uniqueKey: KEY });
      const other = newJob();
      const second = newJob({ uniqueKey: KEY, onConflict: 'error' });
      await assert.rejects(store.insertJobs([other, second]), (error) => {
        assert.ok(error instanceof JobAlreadyExistsError);
        assert.equal(error.uniqueKey, KEY);
        assert.equal(error.existingId, first.id);
        return true;
      });
      assert.equal(await store.getJob(other.id), null, 'nothing of the call is inserted');
      assert.equal(await store.getJob(second.id), null);
    }),
    onStore('a running job holds its key', async (store) => {
      const held = await startJob(store, { uniqueKey: KEY });
      assert.equal(await holderOfKey(store), held.id);
    }),
    keepCase('retrying', retry(60_000)),
    keepCase('snoozed', snoozed(60_000)),
    keepCase('released', released()),
    endCase('completed', (store, held) => settle(store, held, completed())),
    endCase('failed', (store, held) => settle(store, held, failed())),
    endCase('cancelled by its worker', (store, held) => settle(store, held, cancelled())),
    endCase('cancelled on request', async (store, held) => {
      await store.cancelJob(held.id);
      assert.deepEqual((await settle(store, held, released())).cancelled, [held.id]);
    }),
    endCase('cancelled while it waited', async (store, held) => {
      await settle(store, held, snoozed(60_000));
      await store.cancelJob(held.id);
    }),
    endCase('discarded', async (store, held) => {
      await settle(store, held, snoozed(60_000));
      await store.discardJob(held.id);
    }),
    onStore('a job that was rescued keeps its key, and gives it back once it fails that way', async (store) => {
      const held = await startJob(store, { uniqueKey: KEY, maxRetries: 1 });
      await store.deregisterWorker(held.workerId);
      await rescue(store);
      assert.equal(await holderOfKey(store), held.id);
      const again = await claimOne(store, await registerWorker(store));
      await store.deregisterWorker(again.workerId);
      assert.equal((await rescue(store))[0]?.job.state, 'failed');
      assert.equal(await holderOfKey(store), null);
    }),
    onStore('the same key is free for another name and in another scope', async (store) => {
      await insertOne(store, { uniqueKey: KEY });
      assert.equal(await holderOfKey(store, { name: 'other-name' }), null);
      for (const scope of [SCOPE_A, SCOPE_B, SCOPE_C]) assert.equal(await holderOfKey(store, inScope(scope)), null);
      assert.equal((await store.countJobs()).pending, 5);
    }),
    onStore('the same key in the same scope conflicts, whatever the queue', async (store) => {
      const first = await insertOne(store, { uniqueKey: KEY, ...inScope(SCOPE_A) });
      assert.equal(await holderOfKey(store, { ...inScope(SCOPE_A), queue: 'other' }), first.id);
    }),
    onStore('jobs without a key never conflict', async (store) => {
      const { conflicts } = await store.insertJobs([newJob({ onConflict: 'error' }), newJob({ onConflict: 'error' })]);
      assert.equal(conflicts.size, 0);
    }),
    onStore('keys that differ in case or in a trailing space are different', async (store) => {
      for (const uniqueKey of ['a', 'A', 'a ', 'á', 'a\u0301'])
        await insertOne(store, { uniqueKey, onConflict: 'error' });
      assert.equal((await store.countJobs()).pending, 5);
    }),
    onStore('a window holds the key until it has passed, and then gives it to the next job', async (store, clock) => {
      const first = await insertOne(store, { uniqueKey: KEY, uniqueForMs: 10_000 });
      await clock.advance(9_999);
      assert.equal(await holderOfKey(store), first.id);
      await clock.advance(2);
      const second = newJob({ uniqueKey: KEY, onConflict: 'error' });
      assert.equal((await store.insertJobs([second])).conflicts.size, 0);
      assert.equal(await holderOfKey(store), second.id);
      const worker = await registerWorker(store);
      assert.deepEqual([...(await claimIds(store, worker))].sort(), [first.id, second.id].sort(), 'both still run');
    }),
    onStore('a job whose key was taken over has it no more, and goes on without it', async (store, clock) => {
      const old = await startJob(store, { uniqueKey: KEY, uniqueForMs: 10_000 });
      await clock.advance(10_001);
      const next = await insertOne(store, { uniqueKey: KEY, uniqueForMs: 10_000 });
      const keyOf = ({ state, uniqueKey, uniqueUntil }: JobRecord) => [state, uniqueKey, uniqueUntil];
      assert.deepEqual(keyOf(await readJob(store, old.id)), ['running', null, null]);
      await settle(store, old, failed());
      await clock.advance(10_001);
      assert.deepEqual(keyOf(await store.retryJob(old.id)), ['pending', null, null]);
      assert.equal((await readJob(store, next.id)).uniqueKey, KEY);
    }),
    onStore('a retry takes an expired key over from the job that has it', async (store, clock) => {
      const old = await startJob(store, { uniqueKey: KEY });
      await settle(store, old, failed());
      const next = await insertOne(store, { uniqueKey: KEY, uniqueForMs: 10_000 });
      await clock.advance(10_001);
      assert.equal((await store.retryJob(old.id)).uniqueKey, KEY);
      assert.deepEqual([(await readJob(store, next.id)).uniqueKey, await holderOfKey(store)], [null, old.id]);
    }),
    onStore('a job whose key was taken over does not free it when it ends', async (store, clock) => {
      const old = await startJob(store, { uniqueKey: KEY, uniqueForMs: 10_000 });
      await clock.advance(10_001);
      const next = await insertOne(store, { uniqueKey: KEY });
      assert.deepEqual((await settle(store, old, completed())).lost, []);
      assert.equal(await holderOfKey(store), next.id);
    }),
    onStore('a job that ends before its window has passed gives its key back', async (store) => {
      const held = await startJob(store, { uniqueKey: KEY, uniqueForMs: 86_400_000 });
      await settle(store, held, completed());
      assert.equal(await holderOfKey(store), null);
    }),
  ],
};
