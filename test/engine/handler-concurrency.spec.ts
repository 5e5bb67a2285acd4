import { expect, it } from 'vitest';
import { defineJob } from '../../lib/job/job-definition.js';
import { deferred, fired } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { reached } from '../support/job-states.js';
import { until } from '../support/until.js';

describeOnEachStore('the concurrency of a handler', (given) => {
  it('limits its jobs under way, leaves the other slots to other handlers, and claims nothing that it puts back', async () => {
    const engine = given().engine({ concurrency: 5 });
    const gate = deferred();
    let [under, most, quick] = [0, 0, 0];
    engine.register(defineJob('narrow', { concurrency: 2 }), async () => {
      under += 1;
      most = Math.max(most, under);
      await gate.promise;
      under -= 1;
    });
    engine.register('wide', () => void (quick += 1));
    const jobs = await engine.enqueueMany([
      ...Array.from({ length: 6 }, () => ({ job: 'narrow', priority: 9 })),
      ...Array.from({ length: 10 }, () => ({ job: 'wide' })),
    ]);
    await engine.start();
    await until('the wide ones are through', () => quick === 10);
    expect(under).toBe(2);
    expect((await engine.health()).worker).toMatchObject({ active: 2 });
    gate.resolve();
    for (const { id } of jobs) expect((await reached(engine, id, 'completed')).attempt).toBe(1);
    expect(most).toBe(2);
  });

  it('gives its slot back however an attempt ends', async () => {
    const engine = given().engine({ concurrency: 5, maxRetries: 1, backoff: { type: 'constant', initial: 0 } });
    let [under, most] = [0, 0];
    engine.register(defineJob('narrow', { concurrency: 1 }), async (how, { signal }) => {
      most = Math.max(most, (under += 1));
      try {
        if (how === 'throws') throw new Error('it broke');
        if (how === 'hangs') await fired(signal);
      } finally {
        under -= 1;
      }
    });
    const jobs = await engine.enqueueMany([
      { job: 'narrow', input: 'throws' },
      { job: 'narrow', input: 'hangs', timeout: 30 },
      { job: 'narrow', input: 'returns' },
    ]);
    await engine.start();
    await reached(engine, jobs[0]!.id, 'failed');
    await reached(engine, jobs[1]!.id, 'failed');
    await reached(engine, jobs[2]!.id, 'completed');
    expect(most).toBe(1);
  });

  it('comes and goes with its handler', async () => {
    const engine = given().engine({ concurrency: 5 });
    const first = deferred();
    let under = 0;
    const remove = engine.register(defineJob('narrow', { concurrency: 1 }), async () => {
      under += 1;
      await first.promise;
    });
    await engine.enqueueMany(Array.from({ length: 3 }, () => ({ job: 'narrow' })));
    await engine.start();
    await until('one is under way', () => under === 1);
    remove();
    engine.register(defineJob('narrow', { concurrency: 3 }), async () => void (under += 1));
    await until('the others are too', () => under === 3);
    first.resolve();
  });

  it('must be a whole number of at least one', () => {
    const engine = given().engine();
    for (const concurrency of [0, -1, 1.5, '2' as never])
      expect(() => engine.register(defineJob('narrow', { concurrency }), () => undefined)).toThrow(
        `job "narrow": "concurrency" must be a whole number of at least 1 (got ${concurrency})`,
      );
  });
});
