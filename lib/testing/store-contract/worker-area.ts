import assert from 'node:assert/strict';
import { newJobId, newWorkerId } from '../../id/ids.js';
import { type ContractArea, onStore } from './contract.js';
import {
  LEASE_MS,
  claim,
  completed,
  idsOf,
  insertOne,
  newWorker,
  registerWorker,
  rescue,
  settle,
  startJob,
} from './fixtures.js';

/** Workers: registration, leases, heartbeats, pruning. */
export const workerArea: ContractArea = {
  area: 'workers',
  cases: [
    onStore('a registered worker is listed with all that it said of itself', async (store, clock) => {
      const worker = newWorker({
        hostname: 'höst',
        queues: ['a', 'b'],
        concurrency: 3,
        metadata: { region: 'eu', note: 'ünï \u0000' },
      });
      await store.registerWorker(worker, 5_000);
      const now = clock.now();
      assert.deepEqual(await store.listWorkers(), [
        { ...worker, state: 'active', leaseExpiresAt: now + 5_000, lastSeen: now, startedAt: now },
      ]);
    }),
    onStore('workers are listed oldest first', async (store, clock) => {
      const ids: string[] = [];
      for (let n = 0; n < 4; n++) {
        ids.push(await registerWorker(store));
        await clock.advance(10);
      }
      assert.deepEqual(idsOf(await store.listWorkers()), ids);
    }),
    onStore('a heartbeat renews the lease from the clock of the store', async (store, clock) => {
      const workerId = await registerWorker(store, 5_000);
      const startedAt = clock.now();
      await clock.advance(4_000);
      const result = await store.heartbeat({ workerId, leaseMs: 6_000, running: [] });
      assert.deepEqual(result, { alive: true, lost: [], cancelRequested: [], mayRescue: false });
      const [worker] = await store.listWorkers();
      assert.deepEqual(
        { lease: worker!.leaseExpiresAt, seen: worker!.lastSeen, started: worker!.startedAt },
        { lease: clock.now() + 6_000, seen: clock.now(), started: startedAt },
      );
    }),
    onStore('a heartbeat names the jobs that the worker no longer holds', async (store) => {
      const held = await startJob(store);
      const { workerId } = held;
      const done = await startJob(store, {}, workerId);
      await settle(store, done, completed());
      const others = await startJob(store);
      const unknown = newJobId();
      const running = [
        held,
        { id: done.id, attempt: 1 },
        { id: others.id, attempt: 1 },
        { id: unknown, attempt: 1 },
      ].map(({ id, attempt }) => ({ id, attempt }));
      const result = await store.heartbeat({ workerId, leaseMs: LEASE_MS, running });
      assert.equal(result.alive, true);
      assert.deepEqual([...result.lost].sort(), [done.id, others.id, unknown].sort());
      const stale = await store.heartbeat({ workerId, leaseMs: LEASE_MS, running: [{ id: held.id, attempt: 7 }] });
      assert.deepEqual(stale.lost, [held.id]);
    }),
    onStore('a heartbeat brings the cancel requests for running jobs, and only those', async (store) => {
      const held = await startJob(store);
      const { workerId } = held;
      const calm = await startJob(store, {}, workerId);
      await store.cancelJob(held.id);
      const running = [held, calm].map(({ id, attempt }) => ({ id, attempt }));
      const result = await store.heartbeat({ workerId, leaseMs: LEASE_MS, running });
      assert.deepEqual([result.alive, result.lost, result.cancelRequested], [true, [], [held.id]]);
    }),
    onStore(
      'a heartbeat says that there may be something to rescue from the end of a lease until all is freed',
      async (store, clock) => {
        await startJob(store, {}, undefined, 1_000);
        const workerId = await registerWorker(store, LEASE_MS);
        const asked = async (): Promise<boolean> =>
          (await store.heartbeat({ workerId, leaseMs: LEASE_MS, running: [] })).mayRescue;
        assert.equal(await asked(), false);
        await clock.advance(1_001);
        assert.equal(await asked(), true);
        await startJob(store, {}, undefined, 1);
        await clock.advance(2);
        await rescue(store, 1);
        assert.equal(await asked(), true, 'one of two jobs is freed');
      },
    ),
    onStore('a heartbeat of a worker that is not there is told so, and creates nothing', async (store) => {
      const running = [{ id: newJobId(), attempt: 1 }];
      const result = await store.heartbeat({ workerId: newWorkerId(), leaseMs: LEASE_MS, running });
      assert.equal(result.alive, false);
      assert.deepEqual(result.lost, idsOf(running));
      assert.deepEqual(await store.listWorkers(), []);
    }),
    onStore('a worker that was declared dead stays dead, and has lost all its jobs', async (store, clock) => {
      const held = await startJob(store, {}, undefined, 1_000);
      await clock.advance(1_001);
      await rescue(store);
      const running = [{ id: held.id, attempt: held.attempt }];
      const result = await store.heartbeat({ workerId: held.workerId, leaseMs: LEASE_MS, running });
      assert.equal(result.alive, false);
      assert.deepEqual(result.lost, [held.id]);
      await store.drainWorker(held.workerId);
      assert.equal((await store.listWorkers())[0]?.state, 'dead');
      assert.equal((await store.heartbeat({ workerId: held.workerId, leaseMs: LEASE_MS, running: [] })).alive, false);
    }),
    onStore(
      'a heartbeat after the lease has expired renews it, when nobody has declared the worker dead',
      async (store, clock) => {
        const held = await startJob(store, {}, undefined, 1_000);
        await clock.advance(1_001);
        const running = [{ id: held.id, attempt: held.attempt }];
        const result = await store.heartbeat({ workerId: held.workerId, leaseMs: LEASE_MS, running });
        assert.deepEqual([result.alive, result.lost], [true, []]);
        assert.deepEqual(await rescue(store), [], 'the lease was renewed');
      },
    ),
    onStore(
      'a worker whose lease has expired is listed as dead before anybody has written so',
      async (store, clock) => {
        await registerWorker(store, 1_000);
        await clock.advance(1_001);
        assert.equal((await store.listWorkers())[0]?.state, 'dead');
      },
    ),
    onStore('a worker that was declared dead stays dead, also when the clock goes back', async (store, clock) => {
      const held = await startJob(store, {}, undefined, 1_000);
      const { workerId } = held;
      const before = clock.now();
      await clock.advance(1_001);
      await rescue(store);
      clock.set(before);
      assert.equal((await store.listWorkers())[0]?.state, 'dead');
      assert.equal((await store.heartbeat({ workerId, leaseMs: LEASE_MS, running: [] })).alive, false);
      const { jobs, workerAlive } = await claim(store, workerId);
      assert.deepEqual([jobs, workerAlive], [[], false]);
    }),
    onStore('a worker is told what it holds by the store’s account, and nothing else', async (store) => {
      const held = await startJob(store);
      await startJob(store);
      await insertOne(store);
      assert.deepEqual(await store.listHeldJobs(held.workerId), [{ id: held.id, attempt: held.attempt }]);
      await settle(store, held, completed());
      assert.deepEqual(await store.listHeldJobs(held.workerId), []);
    }),
    onStore('a draining worker is listed as such and keeps renewing', async (store, clock) => {
      const workerId = await registerWorker(store, 1_000);
      await store.drainWorker(workerId);
      await clock.advance(900);
      assert.equal((await store.heartbeat({ workerId, leaseMs: 1_000, running: [] })).alive, true);
      await clock.advance(900);
      assert.equal((await store.listWorkers())[0]?.state, 'draining');
      await clock.advance(1_000);
      assert.equal((await store.listWorkers())[0]?.state, 'dead');
    }),
    onStore('a deregistered worker is gone; doing so twice is fine', async (store) => {
      const workerId = await registerWorker(store);
      await store.deregisterWorker(workerId);
      await store.deregisterWorker(workerId);
      assert.deepEqual(await store.listWorkers(), []);
      assert.equal((await store.heartbeat({ workerId, leaseMs: LEASE_MS, running: [] })).alive, false);
    }),
    onStore('a worker that nobody has declared dead is not pruned, and may come back', async (store, clock) => {
      const workerId = await registerWorker(store, 1_000);
      await clock.advance(60_000);
      assert.equal(await store.pruneWorkers({ deadForMs: 1_000, limit: 10 }), 0);
      assert.equal((await store.heartbeat({ workerId, leaseMs: 1_000, running: [] })).alive, true);
    }),
    onStore('rows of workers that died long ago are pruned, others stay', async (store, clock) => {
      const longDead = await registerWorker(store, 1_000);
      await clock.advance(60_000);
      await rescue(store);
      const dead = await registerWorker(store, 1_000);
      const alive = await registerWorker(store);
      const draining = await registerWorker(store);
      await store.drainWorker(draining);
      await clock.advance(5_000);
      await rescue(store);
      assert.equal(await store.pruneWorkers({ deadForMs: 100_000, limit: 10 }), 0);
      assert.equal(await store.pruneWorkers({ deadForMs: 30_000, limit: 10 }), 1);
      assert.deepEqual(idsOf(await store.listWorkers()).toSorted(), [dead, alive, draining].toSorted());
      assert.ok(!idsOf(await store.listWorkers()).includes(longDead));
    }),
    onStore('pruning workers keeps to its limit', async (store, clock) => {
      for (let n = 0; n < 5; n++) await registerWorker(store, 1_000);
      await clock.advance(60_000);
      await rescue(store);
      await clock.advance(60_000);
      assert.equal(await store.pruneWorkers({ deadForMs: 1_000, limit: 3 }), 3);
      assert.equal(await store.pruneWorkers({ deadForMs: 1_000, limit: 3 }), 2);
      assert.equal(await store.pruneWorkers({ deadForMs: 1_000, limit: 3 }), 0);
    }),
  ],
};
