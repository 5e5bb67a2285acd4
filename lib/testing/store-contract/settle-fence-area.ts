import assert from 'node:assert/strict';
import { newDlqId, newJobId } from '../../id/ids.js';
import { JOB_STATES } from '../../job/job-state.js';
import type { Outcome } from '../../job/outcome.js';
import { type ContractArea, type ContractCase, onStore } from './contract.js';
import {
  cancelled,
  claim,
  claimIds,
  claimOne,
  completed,
  everyOutcome,
  failed,
  insertOne,
  jobInState,
  newJobs,
  readJob,
  registerWorker,
  released,
  rescue,
  retry,
  settle,
  snoozed,
  startJob,
} from './fixtures.js';

/** Each outcome, sent to a job that its sender held once but that has moved on since. */
function notRunningCases(): readonly ContractCase[] {
  const states = JOB_STATES.filter((state) => state !== 'running');
  return states.flatMap((state) =>
    everyOutcome().map((outcome) =>
      onStore(`a ${state} job is not changed by ${outcome.kind}`, async (store) => {
        const held = await jobInState(store, state);
        const before = await readJob(store, held.id);
        const entries = await store.countDlq();
        assert.deepEqual(await settle(store, held, outcome), { lost: [held.id], cancelled: [] });
        assert.deepEqual(await readJob(store, held.id), before);
        assert.equal(await store.countDlq(), entries, 'no dead-letter entry is written');
      }),
    ),
  );
}

/** Each outcome, sent by somebody who does not hold the running job. */
function wrongFenceCases(): readonly ContractCase[] {
  return everyOutcome().map((outcome) =>
    onStore(`a running job is not changed by ${outcome.kind} of another attempt or worker`, async (store) => {
      const first = await startJob(store);
      await settle(store, first, released());
      const second = await claimOne(store, first.workerId);
      const before = await readJob(store, second.id);
      const other = await registerWorker(store);
      for (const wrong of [first, { ...second, attempt: 3 }, { ...second, workerId: other }]) {
        assert.deepEqual(await settle(store, wrong, outcome), { lost: [first.id], cancelled: [] });
        assert.deepEqual(await readJob(store, first.id), before);
      }
      assert.equal(await store.countDlq(), 0);
      assert.deepEqual((await settle(store, second, completed())).lost, []);
    }),
  );
}

function cancelRequestedCase(outcome: Outcome): ContractCase {
  return onStore(`a job that somebody asked to cancel is cancelled by ${outcome.kind}`, async (store, clock) => {
    const held = await startJob(store);
    await store.cancelJob(held.id);
    await clock.advance(50);
    assert.deepEqual(await settle(store, held, outcome), { lost: [], cancelled: [held.id] });
    const job = await readJob(store, held.id);
    assert.deepEqual(
      { state: job.state, completedAt: job.completedAt, workerId: job.workerId },
      { state: 'cancelled', completedAt: clock.now(), workerId: null },
    );
    assert.deepEqual(await claimIds(store, held.workerId), []);
  });
}

/** Who may settle, once, and what a cancel request does to it. */
export const settleFenceArea: ContractArea = {
  area: 'settle: fence',
  cases: [
    ...notRunningCases(),
    ...wrongFenceCases(),
    cancelRequestedCase(retry(60_000)),
    cancelRequestedCase(snoozed(60_000)),
    cancelRequestedCase(released()),
    onStore('a job that somebody asked to cancel may still complete', async (store) => {
      const held = await startJob(store);
      await store.cancelJob(held.id);
      assert.deepEqual(await settle(store, held, completed('1')), { lost: [], cancelled: [] });
      const job = await readJob(store, held.id);
      assert.deepEqual([job.state, job.result], ['completed', '1']);
    }),
    onStore('a job that somebody asked to cancel may still fail', async (store) => {
      const held = await startJob(store);
      await store.cancelJob(held.id);
      const dlqId = newDlqId();
      assert.deepEqual(await settle(store, held, failed(dlqId)), { lost: [], cancelled: [] });
      assert.equal((await readJob(store, held.id)).state, 'failed');
      assert.ok(await store.getDlqEntry(dlqId));
    }),
    onStore('a job that its worker cancels is settled, not reported as turned into cancelled', async (store) => {
      const held = await startJob(store);
      await store.cancelJob(held.id);
      assert.deepEqual(await settle(store, held, cancelled()), { lost: [], cancelled: [] });
    }),
    onStore('of two settlements of one attempt in a batch, the first counts', async (store) => {
      const held = await startJob(store);
      const dlqId = newDlqId();
      const { id, attempt } = held;
      const result = await store.settleJobs(held.workerId, [
        { id, attempt, outcome: completed('1') },
        { id, attempt, outcome: failed(dlqId) },
      ]);
      assert.deepEqual(result.lost, [id]);
      assert.equal((await readJob(store, id)).result, '1');
      assert.equal(await store.getDlqEntry(dlqId), null);
    }),
    onStore('the other order of the two gives the other result', async (store) => {
      const held = await startJob(store);
      const dlqId = newDlqId();
      const { id, attempt } = held;
      const result = await store.settleJobs(held.workerId, [
        { id, attempt, outcome: failed(dlqId) },
        { id, attempt, outcome: completed('1') },
      ]);
      assert.deepEqual(result.lost, [id]);
      assert.equal((await readJob(store, id)).state, 'failed');
      assert.ok(await store.getDlqEntry(dlqId));
    }),
    onStore('of two attempts in a batch, the one that holds the job is written, in either order', async (store) => {
      for (const newestFirst of [false, true]) {
        const first = await startJob(store);
        await settle(store, first, retry());
        const second = await claimOne(store, first.workerId);
        const batch = [
          { id: first.id, attempt: first.attempt, outcome: retry() },
          { id: first.id, attempt: second.attempt, outcome: completed('"second"') },
        ];
        const result = await store.settleJobs(first.workerId, newestFirst ? batch.reverse() : batch);
        assert.deepEqual(result, { lost: [first.id], cancelled: [] });
        const { state, result: stored } = await readJob(store, first.id);
        assert.deepEqual({ state, stored }, { state: 'completed', stored: '"second"' });
      }
    }),
    onStore('a settlement sent twice counts once', async (store) => {
      const held = await startJob(store);
      await settle(store, held, retry(60_000));
      assert.deepEqual((await settle(store, held, retry(60_000))).lost, [held.id]);
      const job = await readJob(store, held.id);
      assert.deepEqual([job.retryCount, job.errors.length], [1, 1]);
    }),
    onStore('a job that does not exist is lost', async (store) => {
      const workerId = await registerWorker(store);
      const id = newJobId();
      assert.deepEqual(await settle(store, { id, attempt: 1, workerId }, failed()), { lost: [id], cancelled: [] });
      assert.equal(await store.countDlq(), 0);
    }),
    onStore('a lost settlement does not keep the others of its batch from being written', async (store) => {
      await store.insertJobs(newJobs(3));
      const worker = await registerWorker(store);
      const [a, b, c] = (await claim(store, worker)).jobs;
      const result = await store.settleJobs(worker, [
        { id: a!.id, attempt: a!.attempt, outcome: completed() },
        { id: b!.id, attempt: b!.attempt + 1, outcome: completed() },
        { id: c!.id, attempt: c!.attempt, outcome: failed() },
      ]);
      assert.deepEqual(result, { lost: [b!.id], cancelled: [] });
      const states = await Promise.all([a, b, c].map(async (job) => (await readJob(store, job!.id)).state));
      assert.deepEqual(states, ['completed', 'running', 'failed']);
    }),
    onStore('failed and its dead-letter entry are written together or not at all', async (store) => {
      const [first, second] = [await startJob(store), await startJob(store)];
      const taken = newDlqId();
      await settle(store, first, failed(taken));
      await assert.rejects(settle(store, second, failed(taken)), 'the id of the entry is taken');
      assert.equal((await readJob(store, second.id)).state, 'running');
      assert.equal((await store.getDlqEntry(taken))?.jobId, first.id);
    }),
    onStore('a worker whose lease has expired may settle until somebody rescues its job', async (store, clock) => {
      const held = await startJob(store, {}, undefined, 1_000);
      await clock.advance(5_000);
      assert.deepEqual((await settle(store, held, completed())).lost, []);
      assert.deepEqual(await rescue(store), []);
    }),
    onStore('a draining worker settles what it holds', async (store) => {
      const held = await startJob(store);
      await store.drainWorker(held.workerId);
      assert.deepEqual((await settle(store, held, completed())).lost, []);
    }),
    onStore('after a rescue the old attempt is lost, also while the next one runs', async (store) => {
      const old = await startJob(store);
      await store.deregisterWorker(old.workerId);
      await rescue(store);
      assert.deepEqual((await settle(store, old, completed())).lost, [old.id]);
      const next = await claimOne(store, await registerWorker(store));
      assert.equal(next.attempt, 2);
      assert.deepEqual((await settle(store, old, completed())).lost, [old.id]);
      assert.deepEqual((await settle(store, next, completed())).lost, []);
    }),
    onStore('jobs that wait are not due to anybody else while one runs', async (store) => {
      const held = await startJob(store);
      const other = await insertOne(store);
      assert.deepEqual(await claimIds(store, held.workerId), [other.id]);
    }),
  ],
};
