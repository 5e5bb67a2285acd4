import { expect, it } from 'vitest';
import { type Deferred, deferred } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FAST_POLLING, reached } from '../support/job-states.js';
import { until } from '../support/until.js';

describeOnEachStore('queues and concurrency', (given) => {
  it('queues are worked off in the order of the list, and by priority within a queue', async () => {
    const engine = given().engine({ concurrency: 1, queues: ['urgent', 'normal', 'bulk'] });
    const order: unknown[] = [];
    engine.register('greet', (name) => void order.push(name));
    const jobs = await engine.enqueueMany([
      { job: 'greet', input: 'bulk', queue: 'bulk', priority: 1_000 },
      { job: 'greet', input: 'normal low', queue: 'normal' },
      { job: 'greet', input: 'normal high', queue: 'normal', priority: 5 },
      { job: 'greet', input: 'urgent low', queue: 'urgent', priority: -5 },
      { job: 'greet', input: 'urgent high', queue: 'urgent', priority: 5 },
    ]);
    await engine.start();
    for (const { id } of jobs) await reached(engine, id, 'completed');
    expect(order).toEqual(['urgent high', 'urgent low', 'normal high', 'normal low', 'bulk']);
  });

  it('jobs of one priority run in the order they were enqueued', async () => {
    const engine = given().engine({ concurrency: 1 });
    const order: unknown[] = [];
    engine.register('greet', (index) => void order.push(index));
    const jobs = await engine.enqueueMany(Array.from({ length: 30 }, (_, input) => ({ job: 'greet', input })));
    await engine.start();
    for (const { id } of jobs) await reached(engine, id, 'completed');
    expect(order).toEqual(Array.from({ length: 30 }, (_, index) => index));
  });

  it('no more handlers run at the same time than the concurrency allows', async () => {
    const engine = given().engine({ concurrency: 4 });
    let [under, most, done] = [0, 0, 0];
    let gate = deferred();
    engine.register('greet', async () => {
      under += 1;
      most = Math.max(most, under);
      await gate.promise;
      under -= 1;
      done += 1;
    });
    await engine.start();
    await engine.enqueueMany(Array.from({ length: 20 }, () => ({ job: 'greet' })));
    while (done < 20) {
      await until('all slots are taken', () => under === 4);
      expect((await engine.health()).worker).toMatchObject({ active: 4, concurrency: 4 });
      const open = gate;
      gate = deferred();
      const target = done + 4;
      open.resolve();
      await until('they are through', () => done >= target);
    }
    expect(most).toBe(4);
  });

  it('a queue takes no more slots than its own concurrency, and leaves the others to the rest', async () => {
    const engine = given().engine({ concurrency: 5, queues: [{ name: 'narrow', concurrency: 2 }, 'wide'] });
    const under: Record<string, number> = { narrow: 0, wide: 0 };
    const gates: Record<string, Deferred> = { narrow: deferred(), wide: deferred() };
    let most = 0;
    engine.register('greet', async (_, { queue }) => {
      under[queue]! += 1;
      most = Math.max(most, under['narrow']!);
      await gates[queue]!.promise;
      under[queue]! -= 1;
    });
    const jobs = await engine.enqueueMany([
      ...Array.from({ length: 6 }, () => ({ job: 'greet', queue: 'narrow' })),
      ...Array.from({ length: 6 }, () => ({ job: 'greet', queue: 'wide' })),
    ]);
    await engine.start();
    await until('all slots are taken', () => under['narrow'] === 2 && under['wide'] === 3);
    gates['wide']!.resolve();
    await until('the wide queue is through', async () => (await engine.jobs.counts({ queue: 'wide' })).completed === 6);
    expect(under['narrow']).toBe(2);
    gates['narrow']!.resolve();
    for (const { id } of jobs) await reached(engine, id, 'completed');
    expect(most).toBe(2);
  });

  it('a queue with no slots, and one that is not listed, are left alone', async () => {
    const engine = given().engine({ queues: [{ name: 'shut', concurrency: 0 }, 'open'] });
    engine.register('greet', () => 'done');
    await engine.start();
    const [shut, foreign, open] = await engine.enqueueMany([
      { job: 'greet', queue: 'shut' },
      { job: 'greet', queue: 'foreign' },
      { job: 'greet', queue: 'open' },
    ]);
    await reached(engine, open!.id, 'completed');
    expect((await engine.jobs.get(shut!.id))?.state).toBe('pending');
    expect((await engine.jobs.get(foreign!.id))?.state).toBe('pending');
  });

  it('a full queue does not keep a later one waiting', async () => {
    const engine = given().engine({ concurrency: 2, queues: [{ name: 'narrow', concurrency: 1 }, 'wide'] });
    const never = deferred();
    engine.register('long', () => never.promise);
    engine.register('greet', () => 'done');
    await engine.start();
    await engine.enqueueMany(Array.from({ length: 50 }, () => ({ job: 'long', queue: 'narrow' })));
    const jobs = await engine.enqueueMany(Array.from({ length: 20 }, () => ({ job: 'greet', queue: 'wide' })));
    for (const { id } of jobs) await reached(engine, id, 'completed');
    expect((await engine.jobs.counts({ queue: 'narrow' })).running).toBe(1);
    never.resolve();
  });

  for (const [what, options] of [
    ['concurrency 0', { concurrency: 0 }],
    ['worker: false', { worker: false }],
  ] as const) {
    it(`an engine with ${what} enqueues and never claims`, async () => {
      const producer = given().engine({ ...options, ...FAST_POLLING });
      let runs = 0;
      producer.register('greet', () => void (runs += 1));
      await producer.start();
      expect(producer.state).toBe('running');
      const { id } = await producer.enqueue('greet');
      expect(await producer.workers()).toEqual([]);
      expect((await producer.health()).worker).toBeUndefined();
      const worker = given().engine();
      worker.register('greet', () => 'by the worker');
      await worker.start();
      expect((await reached(producer, id, 'completed')).result).toBe('by the worker');
      expect(runs).toBe(0);
    });
  }
});
