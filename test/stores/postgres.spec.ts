import type { Clock } from '../../lib/clock/clock.js';
import type { Store } from '../../lib/store/store.js';
import { createPostgresStore } from '../../lib/store/typeorm/postgres/postgres-store.js';
import type { StoreHarness } from '../../lib/testing/store-contract/contract.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { describeStoreContract } from '../support/describe-contract.js';
import { createPostgresDatabase } from '../support/postgres-database.js';

const TABLES = [
  ...['jobs', 'jobs_live', 'jobs_done', 'unique_keys', 'dlq', 'workers', 'job_logs'],
  ...['runs', 'checkpoints', 'waits', 'events'],
];
const EMPTY = `truncate ${TABLES.map((table) => `dispatch.dispatch_${table}`).join(', ')}`;

async function createHarness(clock = new TestClock()): Promise<StoreHarness> {
  const database = await createPostgresDatabase();
  const stores: Store[] = [];
  let migrated = false;

  async function openStore(options: { readonly clock?: Clock }): Promise<Store> {
    const store = createPostgresStore({ url: database.url, ...options });
    stores.push(store);
    await store.migrate();
    return store;
  }

  async function openEmpty(options: { readonly clock?: Clock }): Promise<Store> {
    if (migrated) await database.query(EMPTY);
    migrated = true;
    return openStore(options);
  }

  return {
    clock,
    open: () => openEmpty({ clock }),
    openAnother: () => openStore({ clock }),
    openWithOwnClock: () => openEmpty({}),
    async close() {
      for (const store of stores.splice(0)) await store.close();
    },
    dispose: () => database.drop(),
  };
}

/** By this clock whatever takes any time takes long: so claims begin where the last one ended whenever they may. */
class SlowClock extends TestClock {
  private passed = 0;

  override monotonic(): number {
    return super.monotonic() + (this.passed += 1_000);
  }
}

describeStoreContract('postgres', () => createHarness());
describeStoreContract(
  'postgres, while walks from the head are slow',
  () => createHarness(new SlowClock()),
  [],
  // A claim that began at a mark asks to be called again when it may walk from the head.
  ['next due: the time until the earliest of the queues'],
);
