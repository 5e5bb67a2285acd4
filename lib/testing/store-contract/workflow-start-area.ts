import assert from 'node:assert/strict';
import { newRunId, newWorkerId } from '../../id/ids.js';
import { type ContractArea, onStore, onTwoStores } from './contract.js';
import { LEASE_MS, SCOPE_A, SCOPE_B, idsOf, inScope, registerWorker } from './fixtures.js';
import {
  WORKFLOW,
  claimRun,
  claimRuns,
  commit,
  completedRun,
  newRun,
  newRuns,
  readRun,
  startRun,
} from './run-fixtures.js';

/** Inserting and claiming runs. */
export const workflowStartArea: ContractArea = {
  area: 'workflows: start and claim',
  cases: [
    onStore('an inserted run reads back as it was given, pending and due', async (store, clock) => {
      const run = newRun({
        input: null,
        timeoutMs: 5_000,
        idempotencyKey: 'order-1',
        headers: { trace: 'x' },
        ...inScope(SCOPE_A),
      });
      const { now, existing } = await store.insertRuns([run]);
      assert.equal(now, clock.now());
      assert.equal(existing.size, 0);
      const read = await readRun(store, run.id);
      assert.deepEqual(
        { ...read, ...run },
        {
          ...read,
          state: 'pending',
          output: null,
          error: null,
          status: null,
          generation: 1,
          replays: 0,
          attempt: 0,
          retryCount: 0,
          wakeAt: clock.now(),
          deadlineAt: null,
          workerId: null,
          cancelRequestedAt: null,
          cancelMode: null,
          target: null,
          startedAt: null,
          completedAt: null,
          createdAt: clock.now(),
          updatedAt: clock.now(),
        },
      );
    }),
    onStore('an idempotency key starts one run, also after its end', async (store) => {
      const first = await startRun(store, { idempotencyKey: 'order-1' });
      const second = newRun({ idempotencyKey: 'order-1' });
      const again = await store.insertRuns([newRun(), second]);
      assert.equal(again.existing.get(1)?.id, first.id);
      assert.equal(again.existing.size, 1);
      assert.equal(await store.getRun(second.id), null);
      await commit(store, first, { next: completedRun() });
      assert.equal((await store.insertRuns([second])).existing.get(0)?.state, 'completed');
    }),
    onStore('the same key of another name or scope is another key', async (store) => {
      const key = { idempotencyKey: 'k' };
      const others = [newRun(key), newRun({ ...key, name: 'other' }), newRun({ ...key, ...inScope(SCOPE_A) })];
      assert.equal((await store.insertRuns(others)).existing.size, 0);
      assert.equal((await store.insertRuns([newRun({ ...key, ...inScope(SCOPE_B) })])).existing.size, 0);
    }),
    onStore('an insert whose answer was lost can be repeated', async (store) => {
      const runs = [newRun(), newRun({ idempotencyKey: 'k' })];
      await store.insertRuns(runs);
      assert.equal((await store.insertRuns(runs, { retry: true })).existing.size, 0);
      await assert.rejects(store.insertRuns([runs[0]!]), 'without retry the id is taken');
    }),
    onTwoStores('one idempotency key inserted by both at the same time gives one run', async (first, second) => {
      for (let round = 0; round < 10; round++) {
        const runs = newRuns(6, { idempotencyKey: `key-${round}` });
        const results = await Promise.all(runs.map((run, n) => (n % 2 ? first : second).insertRuns([run])));
        const winners = runs.filter((_, n) => results[n]!.existing.size === 0);
        assert.equal(winners.length, 1);
        for (const { existing } of results) {
          if (existing.size > 0) assert.equal(existing.get(0)?.id, winners[0]!.id);
        }
      }
    }),
    onStore('a claim leases what has been due longest, within its limit', async (store, clock) => {
      const runs = newRuns(3);
      for (const run of runs) {
        await store.insertRuns([run]);
        await clock.advance(10);
      }
      const worker = await registerWorker(store);
      const { runs: claimed, nextDueInMs, workerAlive } = await claimRuns(store, worker, { limit: 2 });
      assert.deepEqual(idsOf(claimed), idsOf(runs.slice(0, 2)));
      assert.deepEqual([nextDueInMs, workerAlive], [0, true]);
      const [run] = claimed;
      assert.deepEqual(
        [run!.state, run!.attempt, run!.workerId, run!.startedAt, run!.claimedAt],
        ['running', 1, worker, clock.now(), clock.now()],
      );
      const stored = await readRun(store, run!.id);
      assert.deepEqual([stored.state, stored.workerId, stored.wakeAt], ['running', worker, null]);
      assert.deepEqual(await store.listHeldRuns(worker), claimed.map(({ id }) => ({ id, attempt: 1 })).sort(byId));
    }),
    onStore('runs of other names and versions are left for others', async (store) => {
      await store.insertRuns([newRun({ name: 'other' }), newRun({ version: 2 })]);
      const worker = await registerWorker(store);
      assert.deepEqual(await claimRuns(store, worker), {
        runs: [],
        suspects: new Set(),
        nextDueInMs: null,
        workerAlive: true,
      });
      const workflows = [WORKFLOW, { ...WORKFLOW, version: 2 }, { name: 'other', version: 1 }];
      assert.equal((await claimRuns(store, worker, { workflows })).runs.length, 2);
    }),
    onStore('the first claim fixes the deadline', async (store, clock) => {
      const run = await startRun(store, { timeoutMs: 5_000 });
      assert.equal(run.deadlineAt, clock.now() + 5_000);
      await commit(store, run, { next: { kind: 'released' } });
      await clock.advance(1_000);
      assert.equal((await claimRun(store, run.id)).deadlineAt, run.deadlineAt);
    }),
    onStore('a worker that is unknown, dead, draining or whose lease is over gets nothing', async (store, clock) => {
      await store.insertRuns([newRun()]);
      const unknown = await claimRuns(store, newWorkerId());
      assert.deepEqual([unknown.runs.length, unknown.workerAlive], [0, false]);
      const draining = await registerWorker(store);
      await store.drainWorker(draining);
      const drained = await claimRuns(store, draining);
      assert.deepEqual([drained.runs.length, drained.workerAlive], [0, true]);
      const late = await registerWorker(store, 1_000);
      await clock.advance(1_001);
      const over = await claimRuns(store, late);
      assert.deepEqual([over.runs.length, over.workerAlive], [0, true]);
      await store.rescueRuns({ limit: 10 });
      assert.equal((await claimRuns(store, late)).workerAlive, false);
    }),
    onTwoStores('two stores that claim never get the same run, and miss none', async (first, second) => {
      const runs = newRuns(120);
      await first.insertRuns(runs);
      const workers = [await registerWorker(first), await registerWorker(second)];
      const claims = await Promise.all(
        Array.from({ length: 30 }, (_, n) => claimRuns(n % 2 ? second : first, workers[n % 2]!, { limit: 5 })),
      );
      const claimed = claims.flatMap((claim) => idsOf(claim.runs));
      for (;;) {
        const { runs: rest } = await claimRuns(first, workers[0]!);
        if (rest.length === 0) break;
        claimed.push(...idsOf(rest));
      }
      assert.deepEqual(claimed.toSorted(), idsOf(runs).toSorted());
    }),
    onStore('the heartbeat tells of lost runs and of those to be cancelled', async (store) => {
      const worker = await registerWorker(store);
      const held = await startRun(store, {}, worker);
      const cancelled = await startRun(store, {}, worker);
      await store.cancelRun(cancelled.id, { mode: 'compensate' });
      const lost = { id: newRunId(), attempt: 1 };
      const runs = [held, cancelled, lost, { id: held.id, attempt: 7 }].map(({ id, attempt }) => ({ id, attempt }));
      const beat = await store.heartbeat({ workerId: worker, leaseMs: LEASE_MS, running: [], runs });
      assert.deepEqual(beat.runs?.lost.toSorted(), [held.id, lost.id].toSorted());
      assert.deepEqual(beat.runs?.cancelRequested, [cancelled.id]);
      await store.deregisterWorker(worker);
      const dead = await store.heartbeat({ workerId: worker, leaseMs: LEASE_MS, running: [], runs: runs.slice(0, 2) });
      assert.deepEqual([dead.alive, dead.runs?.lost], [false, [held.id, cancelled.id]]);
    }),
  ],
};

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
