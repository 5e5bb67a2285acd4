import fc from 'fast-check';
import { expect } from 'vitest';
import type { DlqId, WorkerId } from '../../lib/id/ids.js';
import { compareJobs } from './compare.js';
import type { ModelJob } from './model-state.js';
import { index, order, steps } from './step.js';
import { type World, fromNewest } from './world.js';

const leaseMs = fc.constantFrom(1_000, 4_000, 4_000, 60_000);

/** A worker that registered, if there is one. */
const workerOf = (world: World, at: number): WorkerId => fromNewest(world.workerIds, at) ?? world.newWorker(0).id;

export const registerWorker = steps('registerWorker', fc.record({ order, leaseMs }), async (model, world, choice) => {
  const worker = world.newWorker(choice.order);
  await world.store.registerWorker(worker, choice.leaseMs);
  model.registerWorker(worker, choice.leaseMs);
});

export const heartbeat = steps(
  'heartbeat',
  fc.record({ worker: index, leaseMs, fences: fc.array(index, { maxLength: 3 }) }),
  async (model, world, { worker, leaseMs, fences }) => {
    const workerId = workerOf(world, worker);
    const running = fences.flatMap((at) => {
      const fence = fromNewest(world.fences, at);
      return fence ? [{ id: fence.id, attempt: fence.attempt }] : [];
    });
    const unique = running.filter(({ id }, at) => running.findIndex((other) => other.id === id) === at);
    const request = { workerId, leaseMs, running: unique };
    const { mayRescue, ...real } = await world.store.heartbeat(request);
    const { mayRescue: mustSaySo, ...expected } = model.heartbeat(request);
    if (expected.alive && mustSaySo) expect(mayRescue).toBe(true);
    expect({ ...real, lost: [...real.lost].sort(), cancelRequested: [...real.cancelRequested].sort() }).toEqual({
      ...expected,
      lost: [...expected.lost].sort(),
      cancelRequested: [...expected.cancelRequested].sort(),
    });
  },
);

export const drainWorker = steps('drainWorker', fc.record({ worker: index }), async (model, world, { worker }) => {
  const id = workerOf(world, worker);
  await world.store.drainWorker(id);
  model.drainWorker(id);
});

export const deregisterWorker = steps(
  'deregisterWorker',
  fc.record({ worker: index }),
  async (model, world, choice) => {
    const id = workerOf(world, choice.worker);
    await world.store.deregisterWorker(id);
    model.state.workers.delete(id);
  },
);

export const listHeldJobs = steps('listHeldJobs', fc.record({ worker: index }), async (model, world, { worker }) => {
  const id = workerOf(world, worker);
  const held = model.jobs.filter((job) => job.workerId === id).map(({ id, attempt }) => `${id} ${attempt}`);
  const real = await world.store.listHeldJobs(id);
  expect(real.map(({ id, attempt }) => `${id} ${attempt}`).sort()).toEqual(held.sort());
});

export const rescueJobs = steps(
  'rescueJobs',
  fc.record({ limit: fc.constantFrom(100, 100, 1), order }),
  async (model, world, { limit, order }) => {
    const made = new Set<DlqId>();
    const newDlqId = (): DlqId => {
      const id = world.newDlqId(order);
      made.add(id);
      return id;
    };
    const rescued = await world.store.rescueJobs({ limit, newDlqId });
    const orphans = new Map(model.orphans().map((job) => [job.id, job]));
    expect(rescued).toHaveLength(Math.min(limit, orphans.size));
    const { entries } = await world.store.listDlq({ limit: 1_000 });
    for (const { job, workerId } of rescued) {
      const orphan = orphans.get(job.id)!;
      expect(workerId).toBe(orphan.workerId);
      // Which id an entry gets, and which orphan comes first, is left to the store.
      model.rescue(orphan, entries.find(({ id, jobId }) => made.has(id) && jobId === job.id)?.id);
      compareJobs([job], [orphan]);
    }
  },
);

/** What a store deleted of what it may delete, which has to be the oldest. */
async function deleted<Row extends { readonly id: string }>(
  eligible: readonly Row[],
  timeOf: (row: Row) => number,
  limit: number,
  remaining: () => Promise<readonly { readonly id: string }[]>,
  count: number,
): Promise<readonly Row[]> {
  expect(count).toBe(Math.min(limit, eligible.length));
  const left = new Set((await remaining()).map(({ id }) => id));
  const gone = eligible.filter(({ id }) => !left.has(id));
  expect(gone).toHaveLength(count);
  const newest = Math.max(...gone.map(timeOf));
  for (const row of eligible) if (left.has(row.id)) expect(timeOf(row)).toBeGreaterThanOrEqual(newest);
  return gone;
}

const age = fc.constantFrom(0, 0, 500, 3_000);
const limit = fc.constantFrom(100, 100, 1);

export const pruneJobs = steps(
  'pruneJobs',
  fc.record({ state: fc.constantFrom('completed', 'failed', 'cancelled'), olderThanMs: age, limit }),
  async (model, world, options) => {
    const isOld = (job: ModelJob): boolean =>
      job.state === options.state && job.completedAt! < model.now - options.olderThanMs;
    const count = await world.store.pruneJobs(options);
    const remaining = async () => (await world.store.listJobs({ limit: 1_000 })).jobs;
    const old = model.jobs.filter(isOld);
    for (const { id } of await deleted(old, (job) => job.completedAt!, options.limit, remaining, count))
      model.remove(id);
  },
);

export const purgeDlq = steps('purgeDlq', fc.record({ olderThanMs: age, limit }), async (model, world, options) => {
  const old = [...model.state.dlq.values()].filter(({ failedAt }) => failedAt < model.now - options.olderThanMs);
  const count = await world.store.purgeDlq(options);
  const remaining = async () => (await world.store.listDlq({ limit: 1_000 })).entries;
  const gone = await deleted(old, ({ failedAt }) => failedAt, options.limit, remaining, count);
  for (const { id } of gone) model.state.dlq.delete(id);
});

export const pruneWorkers = steps(
  'pruneWorkers',
  fc.record({ deadForMs: age, limit: fc.constant(100) }),
  async (model, world, options) => {
    const dead = [...model.state.workers.values()].filter(
      ({ state, leaseExpiresAt }) => state === 'dead' && leaseExpiresAt < model.now - options.deadForMs,
    );
    expect(await world.store.pruneWorkers(options)).toBe(dead.length);
    for (const { id } of dead) model.state.workers.delete(id);
  },
);

/** Lets time pass. */
export const advance = steps(
  'advance',
  fc.record({ ms: fc.constantFrom(0, 1, 500, 1_000, 2_000, 5_000) }),
  async (model, world, { ms }) => {
    world.clock.set(model.now + ms);
    expect(await world.store.ping()).toBe(model.now);
  },
);
