import type { StoreHarness } from '../../lib/testing/store-contract/contract.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import type { Clock } from '../../lib/clock/clock.js';
import type { Store } from '../../lib/store/store.js';
import { createSqliteStore } from '../../lib/store/typeorm/sqlite/sqlite-store.js';
import { describeStoreContract } from '../support/describe-contract.js';
import { SqliteFiles } from '../support/sqlite-files.js';

function createHarness(): StoreHarness {
  const clock = new TestClock();
  const files = new SqliteFiles();
  const stores: Store[] = [];
  let database = '';

  async function openStore(options: { readonly clock?: Clock }): Promise<Store> {
    const store = createSqliteStore({ database, ...options });
    stores.push(store);
    await store.migrate();
    return store;
  }

  return {
    clock,
    async open() {
      database = await files.create();
      return openStore({ clock });
    },
    openAnother: () => openStore({ clock }),
    async openWithOwnClock() {
      database = await files.create();
      return openStore({});
    },
    async close() {
      for (const store of stores.splice(0)) await store.close();
      await files.remove();
    },
  };
}

describeStoreContract('sqlite', createHarness);
