import assert from 'node:assert/strict';
import { InvalidOptionsError, InvalidStateError, RunNotFoundError } from '../../errors.js';
import { newRunId } from '../../id/ids.js';
import type { Store } from '../../store/store.js';
import { type ContractArea, onStore, onTwoStores } from './contract.js';
import { LEASE_MS, SCOPE_A, SCOPE_B, errorRecord, idsOf, inScope, registerWorker, until } from './fixtures.js';
import {
  checkpoint,
  claimRun,
  claimRuns,
  commit,
  completedRun,
  failedRun,
  isDue,
  newRun,
  park,
  readRun,
  startRun,
} from './run-fixtures.js';

const undoable = (key: string, seq: number) => checkpoint(key, seq, { undoable: true });

async function keysOf(
  store: Store,
  id: Parameters<Store['getRun']>[0],
  generation: number,
): Promise<readonly string[]> {
  return (await store.listCheckpoints(id)).filter((each) => each.generation === generation).map(({ key }) => key);
}

/** Steering runs by hand, rescuing, listing and pruning them. */
export const workflowActionArea: ContractArea = {
  area: 'workflows: actions',
  cases: [
    onStore('a parked run is cancelled at once', async (store, clock) => {
      const run = await startRun(store);
      await park(store, run, []);
      const { kind, run: cancelled } = await store.cancelRun(run.id, { mode: 'compensate' });
      assert.deepEqual(
        [kind, cancelled.state, cancelled.completedAt, cancelled.wakeAt],
        ['cancelled', 'cancelled', clock.now(), null],
      );
      await assert.rejects(store.cancelRun(run.id, { mode: 'stop' }), InvalidStateError);
    }),
    onStore('a parked run with steps to undo undoes them first, unless it is to stop', async (store) => {
      for (const mode of ['compensate', 'stop'] as const) {
        const run = await startRun(store);
        await commit(store, run, { checkpoints: [undoable('step:hotel', 1)] });
        await park(store, run, []);
        const { kind, run: after } = await store.cancelRun(run.id, { mode });
        assert.equal(kind, mode === 'compensate' ? 'compensating' : 'cancelled');
        assert.deepEqual([after.state, after.target], mode === 'compensate' ? [kind, 'cancelled'] : [kind, null]);
        if (mode === 'compensate') {
          const again = await claimRun(store, run.id);
          await commit(store, again, { next: { kind: 'cancelled', error: null } });
        }
      }
    }),
    onStore('the worker of a held run is asked, and the run cannot park any more', async (store, clock) => {
      const run = await startRun(store);
      const heard: unknown[] = [];
      store.onWake((wake) => heard.push(wake));
      const { kind, run: asked } = await store.cancelRun(run.id, { mode: 'stop' });
      assert.deepEqual([kind, asked.state, asked.cancelMode], ['requested', 'running', 'stop']);
      await until('the request', () =>
        heard.some((wake) => {
          const { kind: what, runId, workerId } = wake as Record<string, unknown>;
          return what === 'cancel-run' && runId === run.id && workerId === run.workerId;
        }),
      );
      await park(store, run, []);
      assert.equal(await isDue(store, run.id, clock.now()), true);
      assert.equal((await claimRun(store, run.id)).cancelRequestedAt, asked.cancelRequestedAt);
    }),
    onStore('a failed run that is retried keeps what completed', async (store, clock) => {
      const run = await startRun(store);
      await commit(store, run, {
        checkpoints: [
          checkpoint('step:a', 1),
          checkpoint('step:handled', 2, { status: 'failed', error: errorRecord(), value: null }),
          checkpoint('step:b', 3),
          checkpoint('step:c', 4, { status: 'failed', error: errorRecord(), value: null }),
        ],
        next: failedRun('c'),
      });
      const retried = await store.retryRun(run.id);
      assert.deepEqual(
        [retried.state, retried.generation, retried.wakeAt, retried.error, retried.completedAt, retried.retryCount],
        ['waiting', 2, clock.now(), null, null, 0],
      );
      const again = await claimRun(store, run.id);
      const history = (await store.loadHistory(again.workerId, [again])).get(run.id)!;
      assert.deepEqual(
        history.checkpoints.map(({ key }) => key),
        ['step:a', 'step:handled', 'step:b'],
      );
      assert.equal((await keysOf(store, run.id, 1)).length, 4, 'none is deleted');
    }),
    onStore('a retry does steps anew that were undone, and what came after them', async (store) => {
      const run = await startRun(store);
      await commit(store, run, {
        checkpoints: [
          checkpoint('step:validate', 1),
          undoable('step:hotel', 2),
          checkpoint('step:mail', 3),
          checkpoint('step:car', 4, { status: 'failed', error: errorRecord(), value: null }),
          checkpoint('undo:step:hotel', 5),
        ],
        next: failedRun(),
      });
      await store.retryRun(run.id);
      assert.deepEqual(await keysOf(store, run.id, 2), ['step:validate']);
    }),
    onStore('a run whose undoing failed goes on undoing when it is retried', async (store) => {
      const run = await startRun(store);
      await commit(store, run, { checkpoints: [undoable('step:hotel', 1), undoable('step:car', 2)] });
      await commit(store, run, { next: { kind: 'compensating', error: errorRecord('why'), target: 'failed' } });
      await commit(store, run, {
        checkpoints: [
          checkpoint('undo:step:car', 3),
          checkpoint('undo:step:hotel', 4, { status: 'failed', error: errorRecord(), value: null }),
        ],
        next: failedRun('why'),
      });
      const retried = await store.retryRun(run.id);
      assert.deepEqual([retried.state, retried.target, retried.error?.message], ['compensating', 'failed', 'why']);
      assert.deepEqual(await keysOf(store, run.id, 2), ['step:hotel', 'step:car', 'undo:step:car']);
    }),
    onStore('a replay goes on from a step, in a new generation', async (store) => {
      const run = await startRun(store);
      await commit(store, run, {
        checkpoints: [checkpoint('step:a', 1), checkpoint('step:b', 2), checkpoint('step:c', 3)],
        next: completedRun('1'),
      });
      await assert.rejects(store.replayRun(run.id, 'step:x'), InvalidStateError);
      const replayed = await store.replayRun(run.id, 'step:b');
      assert.deepEqual(
        [replayed.state, replayed.generation, replayed.replays, replayed.output, replayed.completedAt],
        ['waiting', 2, 1, null, null],
      );
      assert.deepEqual(await keysOf(store, run.id, 2), ['step:a']);
      assert.deepEqual(await keysOf(store, run.id, 1), ['step:a', 'step:b', 'step:c']);
      const again = await claimRun(store, run.id);
      await commit(store, again, { checkpoints: [checkpoint('step:b', 2)] });
      assert.deepEqual(await keysOf(store, run.id, 2), ['step:a', 'step:b']);
    }),
    onStore('a run is moved to another version', async (store) => {
      const run = newRun();
      await store.insertRuns([run]);
      assert.equal((await store.migrateRun(run.id, 2)).version, 2);
      const worker = await registerWorker(store);
      assert.deepEqual((await claimRuns(store, worker)).runs, []);
      assert.equal((await claimRun(store, run.id, worker)).version, 2);
    }),
    onStore('what a state does not allow is refused', async (store) => {
      const held = await startRun(store);
      for (const act of [
        () => store.retryRun(held.id),
        () => store.resumeRun(held.id),
        () => store.replayRun(held.id, 'step:a'),
        () => store.migrateRun(held.id, 2),
      ]) {
        await assert.rejects(act(), InvalidStateError);
      }
      await commit(store, held, { next: completedRun() });
      await assert.rejects(store.retryRun(held.id), InvalidStateError);
      await assert.rejects(store.resumeRun(held.id), InvalidStateError);
    }),
    onStore('a run of another scope, or none, is not there', async (store) => {
      const run = newRun(inScope(SCOPE_A));
      await store.insertRuns([run]);
      for (const [id, scope] of [
        [run.id, SCOPE_B],
        [newRunId(), undefined],
      ] as const) {
        await assert.rejects(store.cancelRun(id, { mode: 'stop', ...(scope ? { scope } : {}) }), RunNotFoundError);
        await assert.rejects(store.retryRun(id, scope), RunNotFoundError);
        await assert.rejects(store.resumeRun(id, scope), RunNotFoundError);
        await assert.rejects(store.replayRun(id, 'step:a', scope), RunNotFoundError);
        await assert.rejects(store.migrateRun(id, 2, scope), RunNotFoundError);
        assert.equal(await store.getRun(id, scope), null);
        assert.deepEqual(await store.listCheckpoints(id, scope), []);
      }
      assert.equal((await readRun(store, run.id)).state, 'pending');
    }),
    onStore('a run whose worker died is due at once, as a suspect', async (store, clock) => {
      const worker = await registerWorker(store, 1_000);
      const run = await startRun(store, {}, worker);
      await commit(store, run, { checkpoints: [checkpoint('step:a', 1)] });
      assert.deepEqual(await store.rescueRuns({ limit: 10 }), []);
      await clock.advance(1_001);
      const [rescued] = await store.rescueRuns({ limit: 10 });
      assert.deepEqual(
        [rescued?.run.id, rescued?.workerId, rescued?.run.state, rescued?.run.retryCount, rescued?.run.wakeAt],
        [run.id, worker, 'waiting', 1, clock.now()],
      );
      assert.deepEqual(await store.rescueRuns({ limit: 10 }), []);
      const other = await registerWorker(store);
      assert.deepEqual((await claimRuns(store, other, { suspectLimit: 0 })).runs, []);
      const { runs, suspects } = await claimRuns(store, other, { suspectLimit: 1 });
      assert.deepEqual([idsOf(runs), [...suspects]], [[run.id], [run.id]]);
      await commit(store, runs[0]!, { checkpoints: [checkpoint('step:b', 2)], next: { kind: 'released' } });
      assert.deepEqual(idsOf((await claimRuns(store, other, { suspectLimit: 0 })).runs), [run.id]);
    }),
    onStore('a run that kills its workers fails in the end, after undoing its steps', async (store) => {
      const run = await startRun(store, { maxRetries: 0 });
      await commit(store, run, { checkpoints: [undoable('step:hotel', 1)] });
      await store.deregisterWorker(run.workerId);
      await store.rescueRuns({ limit: 10 });
      const turned = await readRun(store, run.id);
      assert.deepEqual([turned.state, turned.target, turned.error?.code], ['compensating', 'failed', 'WORKER_LOST']);
      const again = await claimRun(store, run.id);
      await store.deregisterWorker(again.workerId);
      await store.rescueRuns({ limit: 10 });
      const failed = await readRun(store, run.id);
      assert.deepEqual([failed.state, failed.error?.code, failed.workerId], ['failed', 'WORKER_LOST', null]);
    }),
    onTwoStores('two rescuers free every run once', async (first, second) => {
      const worker = await registerWorker(first);
      await first.insertRuns(Array.from({ length: 40 }, () => newRun()));
      const { runs } = await claimRuns(first, worker);
      await first.deregisterWorker(worker);
      const freed: string[] = [];
      for (let round = 0; round < 20 && freed.length < runs.length; round++) {
        const both = await Promise.all([first.rescueRuns({ limit: 7 }), second.rescueRuns({ limit: 5 })]);
        freed.push(...both.flat().map(({ run }) => run.id));
      }
      assert.deepEqual(freed.toSorted(), idsOf(runs).toSorted());
    }),
    onStore('runs are listed by filter and page, and counted', async (store, clock) => {
      const runs = [newRun(), newRun({ name: 'other', ...inScope(SCOPE_A) }), newRun()];
      for (const run of runs) {
        await store.insertRuns([run]);
        await clock.advance(1);
      }
      const ids = idsOf(runs);
      await store.cancelRun(ids[0]!, { mode: 'stop' });
      assert.deepEqual(idsOf((await store.listRuns()).runs), ids.toReversed());
      assert.deepEqual(idsOf((await store.listRuns({ states: ['cancelled'] })).runs), [ids[0]]);
      assert.deepEqual(idsOf((await store.listRuns({ name: 'other' })).runs), [ids[1]]);
      assert.deepEqual(idsOf((await store.listRuns({ scope: SCOPE_A })).runs), [ids[1]]);
      assert.deepEqual(idsOf((await store.listRuns({ since: clock.now() - 1 })).runs), [ids[2]]);
      assert.deepEqual(idsOf((await store.listRuns({ until: clock.now() - 2 })).runs), [ids[0]]);
      const page = await store.listRuns({ limit: 2, order: 'asc' });
      const rest = await store.listRuns({ limit: 2, order: 'asc', cursor: page.nextCursor! });
      assert.deepEqual([...idsOf(page.runs), ...idsOf(rest.runs)], ids);
      assert.equal(rest.nextCursor, undefined);
      await assert.rejects(store.listRuns({ cursor: 'nonsense' }), InvalidOptionsError);
      const counts = await store.countRuns();
      assert.deepEqual([counts.pending, counts.cancelled, counts.running], [2, 1, 0]);
      assert.equal((await store.countRuns({ scope: SCOPE_A })).pending, 1);
    }),
    onStore('old runs are deleted with all that belongs to them', async (store, clock) => {
      const run = await startRun(store, { idempotencyKey: 'k' });
      await commit(store, run, { checkpoints: [checkpoint('step:a', 1)], next: completedRun() });
      const young = await startRun(store);
      await clock.advance(LEASE_MS / 2);
      await commit(store, young, { next: completedRun() });
      assert.equal(await store.pruneRuns({ state: 'completed', olderThanMs: LEASE_MS / 4, limit: 10 }), 1);
      assert.equal(await store.getRun(run.id), null);
      assert.deepEqual(await store.listCheckpoints(run.id), []);
      assert.ok(await store.getRun(young.id));
      assert.equal((await store.insertRuns([newRun({ idempotencyKey: 'k' })])).existing.size, 0);
    }),
  ],
};
