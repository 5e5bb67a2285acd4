import assert from 'node:assert/strict';
import { type ContractArea, onOwnClock } from './contract.js';
import {
  claimIds,
  claimOne,
  completed,
  insertOne,
  newJob,
  newWorker,
  readJob,
  registerWorker,
  rescue,
  retry,
  settle,
  startJob,
  until,
} from './fixtures.js';

/** How far the clocks of database and process may be apart on the machine that runs the contract. */
const TOLERANCE_MS = 10_000;

function assertNear(actual: number | null | undefined, expected: number): void {
  assert.ok(Number.isInteger(actual), `a time should be whole milliseconds (got ${String(actual)})`);
  assert.ok(Math.abs(actual! - expected) < TOLERANCE_MS, `${actual} should be near ${expected}`);
}

/** The store by its own clock, as in production. */
export const ownClockArea: ContractArea = {
  area: 'the clock of the database',
  cases: [
    onOwnClock('a ping tells the time', async (store) => {
      assertNear(await store.ping(), Date.now());
    }),
    onOwnClock('every time of a job is near now, in whole milliseconds, and in order', async (store) => {
      const held = await startJob(store);
      await settle(store, held, retry(0));
      const again = await claimOne(store, held.workerId);
      await settle(store, again, completed());
      const job = await readJob(store, held.id);
      for (const at of [job.createdAt, job.updatedAt, job.runAt, job.startedAt, job.completedAt, job.errors[0]?.at]) {
        assertNear(at, Date.now());
      }
      assert.ok(job.createdAt <= job.errors[0]!.at && job.errors[0]!.at <= job.startedAt!);
      assert.ok(job.startedAt! <= job.completedAt!);
    }),
    onOwnClock('an insert tells the created time of its jobs', async (store) => {
      const job = newJob();
      const { now } = await store.insertJobs([job]);
      assert.equal((await readJob(store, job.id)).createdAt, now);
    }),
    onOwnClock('delays are added by the store', async (store) => {
      const waiting = await insertOne(store, { delayMs: 3_600_000 });
      const { createdAt, runAt } = await readJob(store, waiting.id);
      assert.equal(runAt, createdAt + 3_600_000);
      const held = await startJob(store);
      await settle(store, held, retry(7_200_000));
      assertNear((await readJob(store, held.id)).runAt, Date.now() + 7_200_000);
    }),
    onOwnClock('a deferred job becomes due by itself', async (store) => {
      const { id } = await insertOne(store, { delayMs: 50 });
      const worker = await registerWorker(store);
      let claimed: readonly string[] = [];
      await until('the deferred job is due', async () => {
        claimed = await claimIds(store, worker);
        return claimed.length > 0;
      });
      assert.deepEqual(claimed, [id]);
      const job = await readJob(store, id);
      assert.ok(job.startedAt! >= job.runAt, 'not before its time');
    }),
    onOwnClock('a lease runs out by itself', async (store) => {
      const worker = newWorker();
      await store.registerWorker(worker, 60_000);
      assertNear((await store.listWorkers())[0]?.leaseExpiresAt, Date.now() + 60_000);
      const held = await startJob(store, {}, undefined, 5_000);
      await store.heartbeat({ workerId: held.workerId, leaseMs: 30, running: [] });
      await until('the lease has run out', async () => (await rescue(store)).length === 1);
      assert.equal((await readJob(store, held.id)).state, 'retrying');
    }),
    onOwnClock('a unique key is free once its window has passed', async (store) => {
      await insertOne(store, { uniqueKey: 'key', uniqueForMs: 50 });
      await until('the window has passed', async () => {
        const { conflicts } = await store.insertJobs([newJob({ uniqueKey: 'key', uniqueForMs: 60_000 })]);
        return conflicts.size === 0;
      });
      assert.equal((await store.countJobs()).pending, 2);
    }),
  ],
};
