import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../lib/errors.js';
import type { Store } from '../../lib/store/store.js';
import { createMemoryStore } from '../../lib/store/memory/memory-store.js';
import type { StoreHarness } from '../../lib/testing/store-contract/contract.js';
import { claim, insertOne, newJob, newJobs, registerWorker } from '../../lib/testing/store-contract/fixtures.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { describeStoreContract } from '../support/describe-contract.js';

function createHarness(): StoreHarness {
  const clock = new TestClock();
  const stores: Store[] = [];
  const keep = (store: Store): Store => {
    stores.push(store);
    return store;
  };
  return {
    clock,
    open: async () => keep(createMemoryStore({ clock })),
    openAnother: async () => keep(createMemoryStore({ clock, shareWith: stores.at(-1)! })),
    openWithOwnClock: async () => keep(createMemoryStore()),
    close: async () => {
      for (const store of stores.splice(0)) await store.close();
    },
  };
}

describeStoreContract('memory', createHarness);

describe('the memory store', () => {
  it('says that it has no transactions, and refuses them', async () => {
    const store = createMemoryStore();
    expect(store.kind).toBe('memory');
    expect(store.supportsTransactions).toBe(false);
    await expect(store.transaction(async () => undefined)).rejects.toThrow(InvalidOptionsError);
    await expect(store.insertJobs([newJob()], { transaction: {} })).rejects.toThrow('no transactions');
  });

  it('shares data only with another memory store', () => {
    expect(() => createMemoryStore({ shareWith: {} as Store })).toThrow(InvalidOptionsError);
  });

  it('keeps the data of two stores apart unless they share it', async () => {
    const [first, second] = [createMemoryStore(), createMemoryStore()];
    const { id } = await insertOne(first);
    expect(await second.getJob(id)).toBeNull();
  });

  it('lets a listener call the store', async () => {
    const store = createMemoryStore();
    const worker = await registerWorker(store);
    const claims: ReturnType<typeof claim>[] = [];
    store.onWake(() => claims.push(claim(store, worker)));
    const { id } = await insertOne(store);
    expect((await Promise.all(claims)).flatMap(({ jobs }) => jobs.map((job) => job.id))).toEqual([id]);
  });

  it('drains a hundred thousand jobs behind a hundred thousand deferred ones', async () => {
    const store = createMemoryStore();
    const worker = await registerWorker(store);
    await store.insertJobs([...newJobs(100_000), ...newJobs(100_000, { delayMs: 3_600_000 })]);
    let drained = 0;
    for (;;) {
      const { jobs } = await claim(store, worker);
      if (jobs.length === 0) break;
      drained += jobs.length;
      const settlements = jobs.map(({ id, attempt }) => ({
        id,
        attempt,
        outcome: { kind: 'completed' as const, result: null },
      }));
      await store.settleJobs(worker, settlements);
    }
    expect(drained).toBe(100_000);
  });
});
