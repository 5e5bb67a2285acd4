import assert from 'node:assert/strict';
import { InvalidStateError, JobAlreadyCompleteError, JobNotFoundError } from '../../errors.js';
import { newJobId } from '../../id/ids.js';
import { JOB_STATES, canTransition, isTerminal } from '../../job/job-state.js';
import { type ContractArea, type ContractCase, onStore } from './contract.js';
import {
  claimIds,
  claimOne,
  failed,
  insertOne,
  jobInState,
  newJob,
  readJob,
  registerWorker,
  released,
  retry,
  settle,
  startJob,
} from './fixtures.js';

function cancelCases(): readonly ContractCase[] {
  return JOB_STATES.map((state) =>
    onStore(`cancel of a ${state} job ${isTerminal(state) ? 'is refused' : 'is accepted'}`, async (store, clock) => {
      const held = await jobInState(store, state);
      const before = await readJob(store, held.id);
      await clock.advance(25);
      if (isTerminal(state)) {
        await assert.rejects(store.cancelJob(held.id), JobAlreadyCompleteError);
        assert.deepEqual(await readJob(store, held.id), before);
        return;
      }
      const { kind, job } = await store.cancelJob(held.id);
      const after = await readJob(store, held.id);
      assert.deepEqual(job, after);
      if (state === 'running') {
        assert.equal(kind, 'requested');
        assert.deepEqual(
          [after.state, after.cancelRequestedAt, after.workerId, after.completedAt],
          ['running', clock.now(), held.workerId, null],
        );
      } else {
        assert.equal(kind, 'cancelled');
        assert.deepEqual([after.state, after.completedAt], ['cancelled', clock.now()]);
      }
    }),
  );
}

function retryCases(): readonly ContractCase[] {
  return JOB_STATES.map((state) =>
    onStore(
      `retry of a ${state} job is ${canTransition('reopen', state) ? 'accepted' : 'refused'}`,
      async (store, clock) => {
        const held = await jobInState(store, state);
        const before = await readJob(store, held.id);
        await clock.advance(25);
        if (!canTransition('reopen', state)) {
          await assert.rejects(store.retryJob(held.id), InvalidStateError);
          assert.deepEqual(await readJob(store, held.id), before);
          return;
        }
        const job = await store.retryJob(held.id);
        assert.deepEqual(job, await readJob(store, held.id));
        assert.deepEqual(
          { ...job },
          {
            ...before,
            state: 'pending',
            runAt: clock.now(),
            retryCount: 0,
            result: null,
            completedAt: null,
            cancelRequestedAt: null,
            workerId: null,
            startedAt: job.startedAt,
            updatedAt: clock.now(),
          },
        );
        assert.deepEqual(await claimIds(store, held.workerId), [held.id]);
      },
    ),
  );
}

function discardCases(): readonly ContractCase[] {
  return JOB_STATES.map((state) =>
    onStore(
      `discard of a ${state} job is ${canTransition('discard', state) ? 'accepted' : 'refused'}`,
      async (store) => {
        const held = await jobInState(store, state);
        if (!canTransition('discard', state)) {
          await assert.rejects(store.discardJob(held.id), InvalidStateError);
          assert.equal((await readJob(store, held.id)).state, state);
          return;
        }
        await store.discardJob(held.id);
        assert.equal(await store.getJob(held.id), null);
        assert.equal((await store.countJobs())[state], 0);
        await assert.rejects(store.discardJob(held.id), JobNotFoundError);
      },
    ),
  );
}

/** What operators do to single jobs. */
export const actionArea: ContractArea = {
  area: 'cancel, retry, discard',
  cases: [
    ...cancelCases(),
    ...retryCases(),
    ...discardCases(),
    onStore('a job that does not exist cannot be acted upon', async (store) => {
      const id = newJobId();
      await assert.rejects(store.cancelJob(id), JobNotFoundError);
      await assert.rejects(store.retryJob(id), JobNotFoundError);
      await assert.rejects(store.discardJob(id), JobNotFoundError);
      assert.equal(await store.getJob(id), null);
    }),
    onStore('a cancelled job is not claimed', async (store) => {
      const { id } = await insertOne(store);
      await store.cancelJob(id);
      assert.deepEqual(await claimIds(store, await registerWorker(store)), []);
    }),
    onStore('a cancel may be requested twice', async (store) => {
      const held = await startJob(store);
      await store.cancelJob(held.id);
      assert.equal((await store.cancelJob(held.id)).kind, 'requested');
    }),
    onStore('a retried job starts over: the attempt goes on counting, the errors stay', async (store) => {
      const held = await startJob(store, { maxRetries: 1 });
      await settle(store, held, retry(0, 'one'));
      await settle(store, await claimOne(store, held.workerId), failed(undefined, 'two'));
      const job = await store.retryJob(held.id);
      assert.deepEqual([job.attempt, job.retryCount], [2, 0]);
      assert.deepEqual(
        job.errors.map(({ message }) => message),
        ['one', 'two'],
      );
      assert.equal((await claimOne(store, held.workerId)).attempt, 3);
    }),
    onStore('a retry of a job whose cancel had been requested does not cancel it again', async (store) => {
      const held = await startJob(store);
      await store.cancelJob(held.id);
      await settle(store, held, released());
      await store.retryJob(held.id);
      const again = await claimOne(store, held.workerId);
      assert.deepEqual(await settle(store, again, released()), { lost: [], cancelled: [] });
    }),
    onStore('a retry closes the dead-letter entry of the job', async (store, clock) => {
      const held = await jobInState(store, 'failed');
      await clock.advance(10);
      await store.retryJob(held.id);
      const [entry] = (await store.listDlq()).entries;
      assert.deepEqual([entry?.replayedAt, entry?.replayJobId], [clock.now(), held.id]);
      assert.equal(await store.countDlq({ status: 'open' }), 0);
    }),
    onStore('a job that fails again after a retry has a second, open entry', async (store, clock) => {
      const held = await jobInState(store, 'failed');
      await store.retryJob(held.id);
      const closedAt = clock.now();
      await clock.advance(10);
      await settle(store, await claimOne(store, held.workerId), failed());
      assert.equal(await store.countDlq({ status: 'open' }), 1);
      const closed = (await store.listDlq({ status: 'replayed' })).entries;
      assert.deepEqual(
        closed.map(({ jobId, replayedAt }) => [jobId, replayedAt]),
        [[held.id, closedAt]],
      );
    }),
    onStore('a retry takes the unique key back when it is free', async (store) => {
      const held = await jobInState(store, 'failed', { uniqueKey: 'key' });
      const job = await store.retryJob(held.id);
      assert.equal(job.uniqueKey, 'key');
      const { conflicts } = await store.insertJobs([newJob({ uniqueKey: 'key' })]);
      assert.equal(conflicts.get(0)?.job.id, held.id);
    }),
    onStore('a retry takes the unique key back with the window it had', async (store, clock) => {
      const held = await jobInState(store, 'failed', { uniqueKey: 'key', uniqueForMs: 60_000 });
      const until = (await readJob(store, held.id)).createdAt + 60_000;
      await clock.advance(10);
      assert.equal((await store.retryJob(held.id)).uniqueUntil, until);
    }),
    onStore('a retry takes over a unique key whose window is over', async (store, clock) => {
      const held = await jobInState(store, 'failed', { uniqueKey: 'key' });
      await insertOne(store, { uniqueKey: 'key', uniqueForMs: 5, delayMs: 60_000 });
      await clock.advance(6);
      assert.equal((await store.retryJob(held.id)).uniqueKey, 'key');
    }),
    onStore('a failed attempt of a job that is to be cancelled counts as one', async (store) => {
      const held = await startJob(store);
      await store.cancelJob(held.id);
      assert.deepEqual(await settle(store, held, retry()), { lost: [], cancelled: [held.id] });
      const job = await readJob(store, held.id);
      assert.deepEqual([job.state, job.retryCount, job.errors.length], ['cancelled', 1, 1]);
    }),
    onStore('a retry goes without its unique key when another job holds it', async (store) => {
      const held = await jobInState(store, 'failed', { uniqueKey: 'key' });
      const holder = await insertOne(store, { uniqueKey: 'key', delayMs: 60_000 });
      assert.equal((await store.retryJob(held.id)).uniqueKey, null);
      await store.discardJob(held.id);
      const { conflicts } = await store.insertJobs([newJob({ uniqueKey: 'key' })]);
      assert.equal(conflicts.get(0)?.job.id, holder.id);
    }),
    onStore('a discard takes log lines and dead-letter entry along', async (store) => {
      const held = await startJob(store);
      await store.reportJobs(held.workerId, [
        { id: held.id, attempt: held.attempt, logs: [{ level: 'info', message: 'hello' }] },
      ]);
      await settle(store, held, failed());
      const other = await jobInState(store, 'failed');
      await store.discardJob(held.id);
      await insertOne(store, { id: held.id, delayMs: 60_000 });
      assert.deepEqual(await store.listJobLogs(held.id), [], 'also for a new job of this id');
      assert.deepEqual(
        (await store.listDlq()).entries.map(({ jobId }) => jobId),
        [other.id],
      );
    }),
  ],
};
