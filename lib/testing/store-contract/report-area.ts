import assert from 'node:assert/strict';
import { InvalidOptionsError } from '../../errors.js';
import { newJobId } from '../../id/ids.js';
import { type ContractArea, onStore } from './contract.js';
import { SCOPE_A, SCOPE_B, claimOne, completed, inScope, readJob, released, settle, startJob } from './fixtures.js';

/** Progress and log lines of running jobs. */
export const reportArea: ContractArea = {
  area: 'progress and logs',
  cases: [
    onStore('progress is stored, and the next one takes its place', async (store) => {
      const { id, attempt, workerId } = await startJob(store);
      assert.equal((await readJob(store, id)).progress, null);
      await store.reportJobs(workerId, [{ id, attempt, progress: '{"percent":10}' }]);
      assert.equal((await readJob(store, id)).progress, '{"percent":10}');
      await store.reportJobs(workerId, [{ id, attempt, progress: 'null' }]);
      assert.equal((await readJob(store, id)).progress, 'null');
    }),
    onStore('a report without progress leaves it as it is', async (store) => {
      const { id, attempt, workerId } = await startJob(store);
      await store.reportJobs(workerId, [{ id, attempt, progress: '1' }]);
      await store.reportJobs(workerId, [{ id, attempt, logs: [{ level: 'info', message: 'a' }] }]);
      assert.equal((await readJob(store, id)).progress, '1');
    }),
    onStore('log lines are kept in order, with level, attempt and time', async (store, clock) => {
      const held = await startJob(store);
      const { id, workerId } = held;
      const at = clock.now();
      const lines = (['debug', 'info', 'warn', 'error'] as const).map((level) => ({ level, message: `a ${level} 🙂` }));
      await store.reportJobs(workerId, [{ id, attempt: 1, logs: lines }]);
      await settle(store, held, released());
      await clock.advance(50);
      await claimOne(store, workerId);
      await store.reportJobs(workerId, [{ id, attempt: 2, logs: [{ level: 'info', message: '' }] }]);
      assert.deepEqual(await store.listJobLogs(id), [
        ...lines.map((line) => ({ ...line, attempt: 1, at })),
        { level: 'info', message: '', attempt: 2, at: at + 50 },
      ]);
    }),
    onStore('two reports of one attempt in a call are both stored, in order, and each once', async (store) => {
      const { id, attempt, workerId } = await startJob(store);
      const line = (message: string) => ({ level: 'info' as const, message });
      await store.reportJobs(workerId, [
        { id, attempt, progress: '1', logs: [line('a')] },
        { id, attempt, progress: '2' },
        { id, attempt, logs: [line('b')] },
      ]);
      assert.equal((await readJob(store, id)).progress, '2');
      const lines = await store.listJobLogs(id);
      assert.deepEqual(
        lines.map(({ message }) => message),
        ['a', 'b'],
      );
    }),
    onStore('the oldest lines are listed, up to the limit, which is a thousand by default', async (store) => {
      const { id, attempt, workerId } = await startJob(store);
      const logs = Array.from({ length: 1_100 }, (_, n) => ({ level: 'info' as const, message: `line ${n}` }));
      await store.reportJobs(workerId, [{ id, attempt, logs }]);
      const few = await store.listJobLogs(id, { limit: 2 });
      assert.deepEqual(
        few.map(({ message }) => message),
        ['line 0', 'line 1'],
      );
      const usual = await store.listJobLogs(id);
      assert.deepEqual([usual.length, usual[999]?.message], [1_000, 'line 999']);
      assert.deepEqual(await store.listJobLogs(id, { limit: 0 }), []);
      for (const limit of [-1, 1.5, Number.NaN]) {
        await assert.rejects(store.listJobLogs(id, { limit }), InvalidOptionsError, String(limit));
      }
    }),
    onStore('reports of an attempt that is over, or of another worker, are dropped', async (store) => {
      const held = await startJob(store);
      const other = await startJob(store);
      const logs = [{ level: 'info' as const, message: 'late' }];
      const report = { id: held.id, attempt: held.attempt, progress: '9', logs };
      await store.reportJobs(other.workerId, [report]);
      await store.reportJobs(held.workerId, [{ ...report, attempt: 2 }]);
      await settle(store, held, completed());
      await store.reportJobs(held.workerId, [report, { ...report, id: newJobId() }]);
      assert.equal((await readJob(store, held.id)).progress, null);
      assert.deepEqual(await store.listJobLogs(held.id), []);
    }),
    onStore('a report that is dropped does not take the others of its batch along', async (store) => {
      const { id, attempt, workerId } = await startJob(store);
      const logs = [{ level: 'warn' as const, message: 'kept' }];
      await store.reportJobs(workerId, [
        { id: newJobId(), attempt: 1, progress: '1', logs },
        { id, attempt, progress: '2', logs },
      ]);
      assert.equal((await readJob(store, id)).progress, '2');
      assert.equal((await store.listJobLogs(id)).length, 1);
    }),
    onStore('log lines of another scope are not seen', async (store) => {
      const { id, attempt, workerId } = await startJob(store, inScope(SCOPE_A));
      await store.reportJobs(workerId, [{ id, attempt, logs: [{ level: 'info', message: 'a' }] }]);
      assert.deepEqual(await store.listJobLogs(id, { scope: SCOPE_B }), []);
      assert.equal((await store.listJobLogs(id, { scope: SCOPE_A })).length, 1);
      assert.deepEqual(await store.listJobLogs(newJobId()), []);
    }),
  ],
};
