import assert from 'node:assert/strict';
import { newDlqId } from '../../id/ids.js';
import { MAX_ERRORS_KEPT } from '../../job/job-error.js';
import { type ContractArea, onStore } from './contract.js';
import {
  cancelled,
  claim,
  claimIds,
  claimOne,
  completed,
  errorRecord,
  failed,
  insertOne,
  newJobs,
  readJob,
  registerWorker,
  released,
  retry,
  settle,
  snoozed,
  startJob,
} from './fixtures.js';

/** What each outcome writes. */
export const settleArea: ContractArea = {
  area: 'settle: outcomes',
  cases: [
    onStore('completed: the result is stored and the job has ended', async (store, clock) => {
      const held = await startJob(store);
      await clock.advance(500);
      assert.deepEqual(await settle(store, held, completed('{"sent":true}')), { lost: [], cancelled: [] });
      const job = await readJob(store, held.id);
      assert.deepEqual(
        { state: job.state, result: job.result, workerId: job.workerId, at: job.completedAt, updated: job.updatedAt },
        { state: 'completed', result: '{"sent":true}', workerId: null, at: clock.now(), updated: clock.now() },
      );
      assert.deepEqual(
        { attempt: job.attempt, retryCount: job.retryCount, errors: job.errors },
        { attempt: 1, retryCount: 0, errors: [] },
      );
      assert.equal(job.startedAt, clock.now() - 500);
    }),
    onStore('completed: errors of earlier attempts stay', async (store) => {
      const held = await startJob(store);
      await settle(store, held, retry(0, 'first try'));
      const again = await claimOne(store, held.workerId);
      await settle(store, again, completed());
      const job = await readJob(store, held.id);
      assert.equal(job.retryCount, 1);
      assert.deepEqual(
        job.errors.map(({ message }) => message),
        ['first try'],
      );
    }),
    onStore('retry: spends a retry, keeps the error and waits', async (store, clock) => {
      const held = await startJob(store);
      await clock.advance(100);
      await settle(store, held, retry(7_000, 'no route'));
      const job = await readJob(store, held.id);
      assert.deepEqual(
        {
          state: job.state,
          retryCount: job.retryCount,
          attempt: job.attempt,
          runAt: job.runAt,
          workerId: job.workerId,
        },
        { state: 'retrying', retryCount: 1, attempt: 1, runAt: clock.now() + 7_000, workerId: null },
      );
      assert.deepEqual(job.errors, [{ ...errorRecord('no route'), attempt: 1, at: clock.now() }]);
      assert.equal(job.completedAt, null);
    }),
    onStore('retry: an error is kept with code, stack, causes and details', async (store, clock) => {
      const held = await startJob(store);
      const cause = { name: 'TypeError', message: 'deep', cause: { name: 'RangeError', message: 'deeper' } };
      const error = {
        ...errorRecord(),
        code: 'E_X',
        stack: 'Error: it broke\n    at x',
        details: { a: [1, null] },
        cause,
      };
      await settle(store, held, { kind: 'retry', delayMs: 0, error });
      assert.deepEqual((await readJob(store, held.id)).errors, [{ ...error, attempt: 1, at: clock.now() }]);
    }),
    onStore('retry: the newest ten errors are kept, oldest first', async (store, clock) => {
      const held = await startJob(store, { maxRetries: 20 });
      const started = clock.now();
      await settle(store, held, retry(0, 'error 1'));
      for (let attempt = 2; attempt <= MAX_ERRORS_KEPT + 3; attempt++) {
        await clock.advance(10);
        const again = await claimOne(store, held.workerId);
        await settle(store, again, retry(0, `error ${attempt}`));
      }
      const { errors, retryCount } = await readJob(store, held.id);
      const kept = Array.from({ length: MAX_ERRORS_KEPT }, (_, n) => n + 4);
      assert.deepEqual(
        errors.map(({ message, attempt, at }) => ({ message, attempt, at })),
        kept.map((attempt) => ({ message: `error ${attempt}`, attempt, at: started + (attempt - 1) * 10 })),
      );
      assert.equal(retryCount, MAX_ERRORS_KEPT + 3);
    }),
    onStore('failed: the job has ended, and its dead-letter entry is there', async (store, clock) => {
      const held = await startJob(store, {
        queue: 'mail',
        payload: '[1]',
        priority: 4,
        timeoutMs: 77,
        maxRetries: 2,
        backoff: { type: 'constant', initial: 5 },
        groupKey: 'group',
        headers: { a: 'b' },
        scopeAppId: 'app-1',
        scopeOrgId: 'org-a',
      });
      const dlqId = newDlqId();
      await clock.advance(100);
      await settle(store, held, failed(dlqId, 'for good'));
      const job = await readJob(store, held.id);
      const errors = [{ ...errorRecord('for good'), attempt: 1, at: clock.now() }];
      assert.deepEqual(
        {
          state: job.state,
          retryCount: job.retryCount,
          at: job.completedAt,
          workerId: job.workerId,
          errors: job.errors,
        },
        { state: 'failed', retryCount: 1, at: clock.now(), workerId: null, errors },
      );
      assert.deepEqual(await store.getDlqEntry(dlqId), {
        id: dlqId,
        jobId: held.id,
        jobName: job.name,
        queue: 'mail',
        payload: '[1]',
        codec: 'json',
        priority: 4,
        timeoutMs: 77,
        backoff: { type: 'constant', initial: 5 },
        groupKey: 'group',
        headers: { a: 'b' },
        errors,
        retryCount: 1,
        maxRetries: 2,
        scopeAppId: 'app-1',
        scopeOrgId: 'org-a',
        failedAt: clock.now(),
        replayedAt: null,
        replayJobId: null,
      });
    }),
    onStore('failed: job and entry know the errors of all attempts', async (store) => {
      const held = await startJob(store);
      await settle(store, held, retry(0, 'one'));
      const dlqId = newDlqId();
      await settle(store, await claimOne(store, held.workerId), failed(dlqId, 'two'));
      const messages = ['one', 'two'];
      assert.deepEqual(
        (await readJob(store, held.id)).errors.map(({ message }) => message),
        messages,
      );
      const entry = await store.getDlqEntry(dlqId);
      assert.deepEqual(
        entry?.errors.map(({ message }) => message),
        messages,
      );
      assert.equal(entry?.retryCount, 2);
    }),
    onStore('snoozed: waits as pending, and no retry is spent', async (store, clock) => {
      const held = await startJob(store);
      await clock.advance(100);
      await settle(store, held, snoozed(3_000));
      const job = await readJob(store, held.id);
      assert.deepEqual(
        { state: job.state, retryCount: job.retryCount, attempt: job.attempt, runAt: job.runAt, errors: job.errors },
        { state: 'pending', retryCount: 0, attempt: 1, runAt: clock.now() + 3_000, errors: [] },
      );
      assert.equal(job.workerId, null);
      assert.equal((await claim(store, held.workerId)).nextDueInMs, 3_000);
    }),
    onStore('released: is due at once, and no retry is spent', async (store) => {
      const held = await startJob(store);
      await settle(store, held, released());
      const job = await readJob(store, held.id);
      assert.deepEqual(
        {
          state: job.state,
          retryCount: job.retryCount,
          attempt: job.attempt,
          workerId: job.workerId,
          errors: job.errors,
        },
        { state: 'pending', retryCount: 0, attempt: 1, workerId: null, errors: [] },
      );
      assert.deepEqual(await claimIds(store, held.workerId), [held.id]);
    }),
    onStore('released: the job keeps its place before those that came later', async (store, clock) => {
      const held = await startJob(store);
      await clock.advance(1_000);
      const later = await insertOne(store);
      await clock.advance(1_000);
      await settle(store, held, released());
      assert.deepEqual(await claimIds(store, held.workerId), [held.id, later.id]);
    }),
    onStore('cancelled: the job has ended, and the reason is kept', async (store, clock) => {
      const held = await startJob(store);
      await clock.advance(100);
      await settle(store, held, cancelled(errorRecord('not needed')));
      const job = await readJob(store, held.id);
      assert.deepEqual(
        { state: job.state, retryCount: job.retryCount, at: job.completedAt, workerId: job.workerId },
        { state: 'cancelled', retryCount: 0, at: clock.now(), workerId: null },
      );
      assert.deepEqual(job.errors, [{ ...errorRecord('not needed'), attempt: 1, at: clock.now() }]);
      assert.equal(await store.countDlq(), 0);
    }),
    onStore('cancelled: without a reason the history stays as it was', async (store) => {
      const held = await startJob(store);
      await settle(store, held, cancelled());
      assert.deepEqual((await readJob(store, held.id)).errors, []);
    }),
    onStore('progress stays when the job ends', async (store) => {
      const held = await startJob(store);
      await store.reportJobs(held.workerId, [{ id: held.id, attempt: 1, progress: '50' }]);
      await settle(store, held, completed());
      assert.equal((await readJob(store, held.id)).progress, '50');
    }),
    onStore('a batch of five hundred settlements of all kinds is written', async (store) => {
      await store.insertJobs(newJobs(500));
      const worker = await registerWorker(store);
      const { jobs } = await claim(store, worker, { queues: [{ queue: 'default', limit: 500 }], limit: 500 });
      const outcomes = [
        () => completed('1'),
        () => retry(9_000),
        () => failed(),
        () => snoozed(9_000),
        () => cancelled(),
      ];
      const settlements = jobs.map(({ id, attempt }, n) => ({ id, attempt, outcome: outcomes[n % 5]!() }));
      assert.deepEqual(await store.settleJobs(worker, settlements), { lost: [], cancelled: [] });
      const { running, ...counts } = await store.countJobs();
      assert.deepEqual({ ...counts }, { pending: 100, retrying: 100, completed: 100, failed: 100, cancelled: 100 });
      assert.equal(running, 0);
      assert.equal(await store.countDlq(), 100);
    }),
    onStore('an empty batch is nothing', async (store) => {
      assert.deepEqual(await store.settleJobs(await registerWorker(store), []), { lost: [], cancelled: [] });
    }),
  ],
};
