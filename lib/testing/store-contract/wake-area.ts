import assert from 'node:assert/strict';
import { newJobId } from '../../id/ids.js';
import type { Store, Wake } from '../../store/store.js';
import { type ContractArea, onStore, onTwoStores } from './contract.js';
import {
  QUEUE,
  failJob,
  failed,
  insertOne,
  jobInState,
  newJobs,
  registerWorker,
  released,
  rescue,
  retry,
  settle,
  snoozed,
  startJob,
  until,
} from './fixtures.js';

/** Collects what a store says from now on. */
function listen(store: Store): Wake[] {
  const heard: Wake[] = [];
  store.onWake((wake) => heard.push(wake));
  return heard;
}

/** Whether it means that jobs of the queue are due now. */
const readyNow = (queue: string) => (wake: Wake) =>
  wake.kind === 'ready' && !wake.inMs && (wake.queues.length === 0 || wake.queues.includes(queue));

async function hearsReady(heard: readonly Wake[], queue: string = QUEUE): Promise<void> {
  await until(`a wake-up for queue ${queue}`, () => heard.some(readyNow(queue)));
}

/** Whether it says when jobs of the queue will be due: within `ms`, and not much sooner. */
const readyIn = (queue: string, ms: number) => (wake: Wake) =>
  wake.kind === 'ready' &&
  wake.inMs !== undefined &&
  wake.inMs > ms / 2 &&
  wake.inMs <= ms &&
  (wake.queues.length === 0 || wake.queues.includes(queue));

/** Wake-ups. They may come late or be more than needed, so the cases wait for the one that must come. */
export const wakeArea: ContractArea = {
  area: 'wake-ups',
  cases: [
    onStore('an insert wakes its own process', async (store) => {
      const heard = listen(store);
      await insertOne(store, { queue: 'mail' });
      await hearsReady(heard, 'mail');
    }),
    onStore('an insert of several queues names them all', async (store) => {
      const heard = listen(store);
      await store.insertJobs([...newJobs(2, { queue: 'a' }), ...newJobs(2, { queue: 'b' })]);
      await hearsReady(heard, 'a');
      await hearsReady(heard, 'b');
    }),
    onStore('a deferred insert says when the earliest job is due', async (store) => {
      const heard = listen(store);
      await store.insertJobs([...newJobs(1, { delayMs: 90_000 }), ...newJobs(1, { delayMs: 60_000 })]);
      await until('a wake-up in a minute', () => heard.some(readyIn(QUEUE, 60_000)));
      assert.ok(!heard.some(readyNow(QUEUE)), 'nothing is due now');
    }),
    onStore('a retry and a snooze say when the job is due again', async (store) => {
      for (const outcome of [retry(60_000), snoozed(60_000)]) {
        const held = await startJob(store);
        const heard = listen(store);
        await settle(store, held, outcome);
        await until(`a wake-up after ${outcome.kind}`, () => heard.some(readyIn(QUEUE, 60_000)));
      }
    }),
    onStore('a released job wakes', async (store) => {
      const held = await startJob(store);
      const heard = listen(store);
      await settle(store, held, released());
      await hearsReady(heard);
    }),
    onStore('a rescue wakes', async (store) => {
      const held = await startJob(store);
      await store.deregisterWorker(held.workerId);
      const heard = listen(store);
      await rescue(store);
      await hearsReady(heard);
    }),
    onStore('a retry of a failed job and a replay wake', async (store) => {
      const retried = await jobInState(store, 'failed', { queue: 'a' });
      const { dlqId } = await failJob(store, { queue: 'b' });
      const heard = listen(store);
      await store.retryJob(retried.id);
      await hearsReady(heard, 'a');
      await store.replayDlqEntry(dlqId, { jobId: newJobId() });
      await hearsReady(heard, 'b');
    }),
    onStore('a cancel request names job and worker', async (store) => {
      const held = await startJob(store);
      const heard = listen(store);
      await store.cancelJob(held.id);
      await until('the wake-up of the cancel request', () => heard.some((wake) => wake.kind === 'cancel'));
      assert.deepEqual(
        heard.find((wake) => wake.kind === 'cancel'),
        { kind: 'cancel', jobId: held.id, workerId: held.workerId },
      );
    }),
    onStore('a listener that left hears nothing more', async (store) => {
      const left: Wake[] = [];
      const leave = store.onWake((wake) => left.push(wake));
      leave();
      leave();
      const heard = listen(store);
      await insertOne(store);
      await hearsReady(heard);
      assert.deepEqual(left, []);
    }),
    onStore('a listener that throws harms neither the store nor the other listeners', async (store) => {
      store.onWake(() => {
        throw new Error('a broken listener');
      });
      const heard = listen(store);
      await insertOne(store);
      await hearsReady(heard);
    }),
    onTwoStores('an insert wakes the other process', async (first, second) => {
      const heard = listen(second);
      await insertOne(first, { queue: 'mail' });
      await hearsReady(heard, 'mail');
    }),
    onTwoStores('many inserts in a row: the last one wakes the other process, too', async (first, second) => {
      for (let round = 0; round < 5; round++) {
        const heard = listen(second);
        await insertOne(first);
        await hearsReady(heard);
      }
    }),
    onTwoStores('a cancel request reaches the process of the worker', async (first, second) => {
      const workerId = await registerWorker(second);
      const held = await startJob(second, {}, workerId);
      const heard = listen(second);
      await first.cancelJob(held.id);
      await until('the other process hears of the cancel request', () =>
        heard.some((wake) => wake.kind === 'cancel' && wake.jobId === held.id && wake.workerId === workerId),
      );
    }),
    onTwoStores('a listener of the other process that left hears nothing more', async (first, second) => {
      const left: Wake[] = [];
      second.onWake((wake) => left.push(wake))();
      const heard = listen(second);
      await settle(first, await startJob(first), failed());
      await insertOne(first);
      await hearsReady(heard);
      assert.deepEqual(left, []);
    }),
  ],
};
