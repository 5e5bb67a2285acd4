import assert from 'node:assert/strict';
import type { NextState } from '../../workflow/run-commit.js';
import { type ContractArea, onStore, onTwoStores } from './contract.js';
import { errorRecord, registerWorker } from './fixtures.js';
import {
  checkpoint,
  claimRun,
  commit,
  commitOf,
  completedRun,
  failedRun,
  isDue,
  newRun,
  park,
  readRun,
  startRun,
  wait,
} from './run-fixtures.js';

const EVERY_NEXT: readonly NextState[] = [
  { kind: 'parked', open: [], wake: null },
  completedRun('1'),
  failedRun(),
  { kind: 'cancelled', error: null },
  { kind: 'compensating', error: errorRecord(), target: 'failed' },
  { kind: 'retry', delayMs: 0, error: errorRecord() },
  { kind: 'stuck', error: errorRecord() },
  { kind: 'released' },
];

/** Writing what activations have to write. */
export const workflowCommitArea: ContractArea = {
  area: 'workflows: commit',
  cases: [
    onStore('checkpoints read back in their order, as the next activation sees them', async (store, clock) => {
      const run = await startRun(store);
      await clock.advance(500);
      const error = errorRecord('declined');
      await commit(store, run, {
        checkpoints: [
          checkpoint('step:total', 1, { value: null, elapsedMs: 200 }),
          checkpoint('step:charge', 2, { status: 'failed', value: null, error, tries: 4, undoable: true, afterSeq: 1 }),
        ],
      });
      await commit(store, run, { checkpoints: [checkpoint('step:mail', 3)], next: { kind: 'released' } });
      const again = await claimRun(store, run.id);
      const history = (await store.loadHistory(again.workerId, [again])).get(run.id)!;
      const common = { generation: 1, attempt: 1, eventId: null, completedAt: clock.now() };
      assert.deepEqual(history.checkpoints, [
        {
          ...common,
          key: 'step:total',
          seq: 1,
          afterSeq: 0,
          status: 'completed',
          value: null,
          error: null,
          undoable: false,
          tries: 1,
          startedAt: clock.now() - 200,
        },
        {
          ...common,
          key: 'step:charge',
          seq: 2,
          afterSeq: 1,
          status: 'failed',
          value: null,
          error,
          undoable: true,
          tries: 4,
          startedAt: clock.now(),
        },
        {
          ...common,
          key: 'step:mail',
          seq: 3,
          afterSeq: 2,
          status: 'completed',
          value: '"step:mail"',
          error: null,
          undoable: false,
          tries: 1,
          startedAt: clock.now(),
        },
      ]);
      assert.deepEqual(await store.listCheckpoints(run.id), history.checkpoints);
    }),
    onStore('a commit whose answer was lost can be repeated', async (store) => {
      const run = await startRun(store);
      const child = newRun({ parentRunId: run.id, parentKey: 'child:ship' });
      const one = { checkpoints: [checkpoint('step:a', 1)], children: [child], waits: [wait('sleep:x')] };
      await commit(store, run, one);
      assert.deepEqual((await commit(store, run, one)).lost, []);
      assert.equal((await store.listCheckpoints(run.id)).length, 1);
      assert.equal((await store.listRuns({ parentRunId: run.id })).runs.length, 1);
    }),
    onStore('many runs share one commit, each under its own fence', async (store) => {
      const worker = await registerWorker(store);
      const runs = [
        await startRun(store, {}, worker),
        await startRun(store, {}, worker),
        await startRun(store, {}, worker),
      ];
      const [a, b, c] = runs.map((run) => commitOf(run, { checkpoints: [checkpoint('step:a', 1)] }));
      const result = await store.commitRuns(worker, [
        { ...a!, next: completedRun('"done"') },
        { ...b!, attempt: 9 },
        { ...c!, status: '{"at":1}' },
      ]);
      assert.deepEqual(result.lost, [runs[1]!.id]);
      const [first, second, third] = await Promise.all(runs.map(({ id }) => readRun(store, id)));
      assert.deepEqual([first!.state, first!.output, first!.workerId], ['completed', '"done"', null]);
      assert.deepEqual([second!.state, third!.status, third!.workerId], ['running', '{"at":1}', worker]);
      assert.deepEqual(await store.listCheckpoints(runs[1]!.id), []);
      assert.equal((await store.listCheckpoints(runs[2]!.id)).length, 1);
    }),
    ...EVERY_NEXT.map((next) =>
      onStore(`nobody but the holder writes: ${next.kind}`, async (store) => {
        const old = await startRun(store);
        await commit(store, old, { next: { kind: 'released' } });
        const run = await claimRun(store, old.id, old.workerId);
        const before = await readRun(store, run.id);
        const other = await registerWorker(store);
        for (const wrong of [old, { ...run, attempt: 3 }, { ...run, workerId: other }]) {
          const { lost } = await commit(store, wrong, { next, checkpoints: [checkpoint('step:a', 1)], status: '1' });
          assert.deepEqual(lost, [run.id]);
        }
        assert.deepEqual(await readRun(store, run.id), before);
        assert.deepEqual(await store.listCheckpoints(run.id), []);
      }),
    ),
    onStore('a run that completed has its output and waits for nothing', async (store, clock) => {
      const run = await startRun(store);
      await commit(store, run, { waits: [wait('sleep:x', { due: { inMs: 10 } })] });
      await commit(store, run, { next: completedRun('{"ok":true}') });
      const read = await readRun(store, run.id);
      assert.deepEqual(
        [read.state, read.output, read.error, read.completedAt, read.wakeAt],
        ['completed', '{"ok":true}', null, clock.now(), null],
      );
    }),
    onStore('a run that failed has its error', async (store) => {
      const run = await startRun(store);
      await commit(store, run, { next: failedRun('no stock') });
      const read = await readRun(store, run.id);
      assert.deepEqual([read.state, read.error?.message, read.workerId], ['failed', 'no stock', null]);
    }),
    onStore('a run that parks is due at the earliest of its waits, which keep their time', async (store, clock) => {
      const run = await startRun(store);
      const waits = [
        wait('sleep:day', { due: { inMs: 86_400_000 } }),
        wait('sleep:hour', { due: { inMs: 3_600_000 } }),
      ];
      const open = waits.map(({ key }) => key);
      const begin = clock.now();
      await commit(store, run, { waits, next: { kind: 'parked', open, wake: { at: null, inMs: 3_600_000 } } });
      const parked = await readRun(store, run.id);
      assert.deepEqual([parked.state, parked.workerId, parked.wakeAt], ['waiting', null, begin + 3_600_000]);
      await clock.advance(3_600_000);
      const again = await claimRun(store, run.id);
      const history = (await store.loadHistory(again.workerId, [again])).get(run.id)!;
      assert.equal(history.now, clock.now());
      assert.deepEqual(
        history.waits.map(({ key, dueAt }) => [key, dueAt]),
        [
          ['sleep:day', begin + 86_400_000],
          ['sleep:hour', begin + 3_600_000],
        ],
      );
      await commit(store, again, { waits: [waits[0]!], checkpoints: [checkpoint('sleep:hour', 1)] });
      const kept = (await store.loadWaits(again.workerId, [again])).get(run.id)!;
      assert.deepEqual(
        kept.waits.map(({ key, dueAt }) => [key, dueAt]),
        [['sleep:day', begin + 86_400_000]],
        'a checkpoint ends the wait of its key, and a wait written again keeps its time',
      );
    }),
    onStore('a wait for another try takes the new time', async (store, clock) => {
      const run = await startRun(store);
      const retry = (tries: number) => wait('step:a', { kind: 'retry', tries, due: { inMs: 1_000 } });
      await commit(store, run, { waits: [retry(1)] });
      await clock.advance(500);
      const { open } = await commit(store, run, { waits: [retry(2)], look: true });
      const [stored] = open.get(run.id)!.waits;
      assert.deepEqual([stored?.tries, stored?.dueAt], [2, clock.now() + 1_000]);
    }),
    onStore('waits that a park does not name are dropped', async (store) => {
      const run = await startRun(store);
      await commit(store, run, { waits: [wait('sleep:old', { due: { inMs: 5 } })] });
      await commit(store, run, { next: { kind: 'parked', open: [], wake: null } });
      assert.equal((await readRun(store, run.id)).wakeAt, null);
      await store.resumeRun(run.id);
      const again = await claimRun(store, run.id);
      assert.deepEqual((await store.loadWaits(again.workerId, [again])).get(run.id)!.waits, []);
    }),
    onStore('a parked run is due at its deadline at the latest', async (store, clock) => {
      const run = await startRun(store, { timeoutMs: 5_000 });
      await park(store, run, []);
      assert.equal((await readRun(store, run.id)).wakeAt, clock.now() + 5_000);
    }),
    onStore('an activation that failed is followed by another, a few times', async (store, clock) => {
      const run = await startRun(store, { maxRetries: 1 });
      await commit(store, run, { next: { kind: 'retry', delayMs: 1_000, error: errorRecord('hiccup') } });
      const waiting = await readRun(store, run.id);
      assert.deepEqual(
        [waiting.state, waiting.retryCount, waiting.wakeAt, waiting.error?.message],
        ['waiting', 1, clock.now() + 1_000, 'hiccup'],
      );
      await clock.advance(1_000);
      const again = await claimRun(store, run.id);
      await commit(store, again, { next: { kind: 'retry', delayMs: 0, error: errorRecord('again') } });
      const failed = await readRun(store, run.id);
      assert.deepEqual([failed.state, failed.error?.message], ['failed', 'again']);
    }),
    onStore('progress in between starts the count of failures anew', async (store) => {
      const run = await startRun(store, { maxRetries: 1 });
      await commit(store, run, { next: { kind: 'retry', delayMs: 0, error: errorRecord() } });
      const again = await claimRun(store, run.id);
      await commit(store, again, { checkpoints: [checkpoint('step:a', 1)] });
      assert.equal((await readRun(store, run.id)).retryCount, 0);
    }),
    onStore('beyond its retries a run with steps to undo undoes them', async (store) => {
      const run = await startRun(store, { maxRetries: 0 });
      await commit(store, run, { checkpoints: [checkpoint('step:hotel', 1, { undoable: true })] });
      await commit(store, run, { next: { kind: 'retry', delayMs: 0, error: errorRecord('broken') } });
      const read = await readRun(store, run.id);
      assert.deepEqual([read.state, read.target, read.error?.message], ['compensating', 'failed', 'broken']);
      const again = await claimRun(store, run.id);
      assert.equal(again.state, 'compensating');
      await commit(store, again, { next: failedRun('broken') });
      assert.equal((await readRun(store, run.id)).state, 'failed');
    }),
    onStore('a stuck run waits until it is resumed, with its error', async (store, clock) => {
      const run = await startRun(store);
      await commit(store, run, { next: { kind: 'stuck', error: errorRecord('mismatch') } });
      const stuck = await readRun(store, run.id);
      assert.deepEqual([stuck.state, stuck.wakeAt, stuck.error?.message], ['waiting', null, 'mismatch']);
      const resumed = await store.resumeRun(run.id);
      assert.deepEqual([resumed.state, resumed.wakeAt, resumed.error], ['waiting', clock.now(), null]);
      await claimRun(store, run.id);
    }),
    onStore('a compensating run stays so when it parks, and has no deadline any more', async (store) => {
      const run = await startRun(store, { timeoutMs: 1_000 });
      await commit(store, run, { next: { kind: 'compensating', error: errorRecord('why'), target: 'failed' } });
      const turned = await readRun(store, run.id);
      assert.deepEqual([turned.state, turned.workerId, turned.target], ['compensating', run.workerId, 'failed']);
      await park(store, run, []);
      const parked = await readRun(store, run.id);
      assert.deepEqual([parked.state, parked.wakeAt, parked.error?.message], ['compensating', null, 'why']);
    }),
    onTwoStores('commit against rescue: one of them counts, never both', async (first, second, clock) => {
      for (let round = 0; round < 10; round++) {
        const workerId = await registerWorker(first, 1_000);
        const run = await startRun(first, { maxRetries: 0 }, workerId);
        await clock.advance(1_001);
        const [{ lost }, rescued] = await Promise.all([
          commit(first, run, { checkpoints: [checkpoint('step:a', 1)], next: completedRun('1') }),
          second.rescueRuns({ limit: 100 }),
        ]);
        assert.equal(lost.length, rescued.length, 'lost if and only if it was rescued');
        assert.equal((await readRun(second, run.id)).state, rescued.length === 1 ? 'failed' : 'completed');
        assert.equal((await second.listCheckpoints(run.id)).length, 1 - rescued.length);
        assert.equal(await isDue(second, run.id, clock.now()), false);
      }
    }),
  ],
};
