import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { TestClock } from '../../lib/testing/test-clock.js';
import { Periodic } from '../../lib/worker/periodic.js';
import { deferred } from '../support/deferred.js';

function setup(task: (run: number) => Promise<void> = async () => undefined, jitter = 0) {
  const clock = new TestClock(0);
  const runs: number[] = [];
  const errors: unknown[] = [];
  const periodic = new Periodic({
    clock,
    everyMs: 1_000,
    jitter,
    task: () => {
      runs.push(clock.now());
      return task(runs.length);
    },
    onError: (error) => errors.push(error),
  });
  return { clock, runs, errors, periodic };
}

describe('a periodic task', () => {
  it('runs after each interval, not at once', async () => {
    const { clock, runs, periodic } = setup();
    periodic.start();
    await clock.advance(999);
    expect(runs).toEqual([]);
    await clock.advance(2_001);
    expect(runs).toEqual([1_000, 2_000, 3_000]);
  });

  it('varies each pause by its jitter', async () => {
    const { clock, runs, periodic } = setup(undefined, 0.1);
    periodic.start();
    await clock.advance('100s');
    const pauses = runs.map((at, index) => at - (runs[index - 1] ?? 0));
    expect(pauses.every((pause) => pause >= 900 && pause <= 1_100)).toBe(true);
    expect(new Set(pauses).size).toBeGreaterThan(50);
  });

  it('goes on after an error', async () => {
    const { clock, runs, errors, periodic } = setup(async (run) => {
      if (run === 1) throw new Error('away');
    });
    periodic.start();
    await clock.advance(2_000);
    expect(errors).toEqual([new Error('away')]);
    expect(runs).toHaveLength(2);
  });

  it('never runs twice at the same time: its pause begins when a run is over', async () => {
    const gate = deferred();
    const { clock, runs, periodic } = setup((run) => (run === 1 ? gate.promise : Promise.resolve()));
    periodic.start();
    await clock.advance('1m');
    expect(runs).toEqual([1_000]);
    const joined = periodic.runNow();
    gate.resolve();
    await joined;
    expect(runs).toHaveLength(1);
    await clock.advance(1_000);
    expect(runs).toEqual([1_000, 61_000]);
  });

  it('runs now when asked, and rejects nobody', async () => {
    const { runs, errors, periodic } = setup(async () => Promise.reject(new Error('away')));
    await periodic.runNow();
    expect(runs).toEqual([0]);
    expect(errors).toHaveLength(1);
  });

  it('stops, waits for a run under way and leaves no timer', async () => {
    const gate = deferred();
    const { clock, runs, periodic } = setup(() => gate.promise);
    periodic.start();
    await clock.advance(1_000);
    let stopped = false;
    const stopping = periodic.stop().then(() => (stopped = true));
    await clock.advance(0);
    expect(stopped).toBe(false);
    gate.resolve();
    await stopping;
    await clock.advance('1h');
    expect(runs).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('runs at its one pace when it is started again, also during a run', async () => {
    const gate = deferred();
    const { clock, runs, periodic } = setup((run) => (run === 1 ? gate.promise : Promise.resolve()));
    periodic.start();
    periodic.start();
    await clock.advance(1_000);
    void periodic.stop();
    periodic.start();
    gate.resolve();
    await clock.advance(10_000);
    expect(runs).toHaveLength(11);
    expect(clock.pendingTimers).toBe(1);
  });

  it('runs outside the context of whoever started it', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const { clock, periodic } = setup(async () => void seen.push(storage.getStore()));
    await storage.run('a request', async () => {
      periodic.start();
      await periodic.runNow();
    });
    await clock.advance(2_000);
    expect(seen).toEqual([undefined, undefined, undefined]);
  });
});
