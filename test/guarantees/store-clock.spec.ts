import { expect, it } from 'vitest';
import type { Clock } from '../../lib/clock/clock.js';
import { systemClock } from '../../lib/clock/system-clock.js';
import { newDlqId } from '../../lib/id/ids.js';
import { describeOnEachStore } from '../support/each-store.js';
import { NO_POLLING, reached } from '../support/job-states.js';
import { until } from '../support/until.js';

const OFF_MS = 600_000;

/** The clock of a machine that is wrong by ten minutes. */
const wrongBy = (ms: number): Clock => ({ ...systemClock, now: () => Date.now() + ms });

describeOnEachStore('time comes from the clock of the store', (given) => {
  for (const [name, off] of [
    ['fast', OFF_MS],
    ['slow', -OFF_MS],
  ] as const) {
    it(`a worker whose clock is ten minutes ${name} runs a delayed job when the store says so`, async () => {
      const store = await given().open();
      const engine = given().engine({ clock: wrongBy(off), ...NO_POLLING });
      engine.register('greet', () => 'done');
      const elapsed: number[] = [];
      engine.on('jobCompleted', ({ elapsedMs }) => elapsed.push(elapsedMs));
      await engine.start();
      const before = await store.ping();
      const { id, runAt } = await engine.enqueue('greet', null, { delay: 300 });
      expect(runAt.getTime() - before).toBeGreaterThanOrEqual(300);
      expect(runAt.getTime() - before).toBeLessThan(OFF_MS / 2);
      const job = await reached(engine, id, 'completed');
      expect(job.startedAt!.getTime()).toBeGreaterThanOrEqual(runAt.getTime());
      await until('the event came', () => elapsed.length > 0);
      expect(elapsed[0]).toBeLessThan(OFF_MS / 2);
    });

    it(`a worker whose clock is ten minutes ${name} keeps its lease`, async () => {
      const honest = given().engine({ heartbeat: 100, lease: 10_000 });
      await honest.start();
      const wrong = given().engine({ clock: wrongBy(off), heartbeat: 100, lease: 10_000 });
      const store = await given().open();
      await wrong.start();
      const { id } = (await wrong.health()).worker!;
      expect(await store.rescueJobs({ limit: 10, newDlqId })).toEqual([]);
      const workers = await store.listWorkers();
      expect(workers.map(({ state }) => state)).toEqual(['active', 'active']);
      const [first, second] = workers;
      expect(Math.abs(first!.leaseExpiresAt - second!.leaseExpiresAt)).toBeLessThan(OFF_MS / 2);
      expect(workers.some((worker) => worker.id === id)).toBe(true);
    });

    it(`a retry of a worker whose clock is ten minutes ${name} is due by the store's clock`, async () => {
      const engine = given().engine({
        clock: wrongBy(off),
        backoff: { type: 'constant', initial: 150 },
        ...NO_POLLING,
      });
      engine.register('greet', (_, { attempt }) => {
        if (attempt === 1) throw new Error('not yet');
      });
      const next: Date[] = [];
      engine.on('jobRetrying', ({ nextRunAt }) => next.push(nextRunAt));
      await engine.start();
      const { id } = await engine.enqueue('greet');
      const job = await reached(engine, id, 'completed');
      expect(job.startedAt!.getTime() - job.errors[0]!.at).toBeGreaterThanOrEqual(150);
      expect(Math.abs(next[0]!.getTime() - job.runAt.getTime())).toBeLessThan(OFF_MS / 2);
    });
  }
});
