import { expect, it } from 'vitest';
import { Snooze } from '../../lib/job/control-outcomes.js';
import type { ClaimResult } from '../../lib/job/job-store.js';
import { deferred } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { FAST_POLLING, NO_POLLING, reached } from '../support/job-states.js';
import { mortalEngine } from '../support/mortal-engine.js';
import { until } from '../support/until.js';

describeOnEachStore('work is found without polling', (given) => {
  it('a job starts when it is enqueued, here and on another node', async () => {
    const [here, there] = [given().engine(NO_POLLING), given().engine(NO_POLLING)];
    here.register('here', () => 'done');
    there.register('there', () => 'done');
    await here.start();
    await there.start();
    for (let round = 0; round < 3; round++) {
      await reached(here, (await here.enqueue('here')).id, 'completed');
      await reached(here, (await here.enqueue('there')).id, 'completed');
    }
  });

  it('a job due in 700 ms starts then, here and on another node', async () => {
    const [here, there] = [given().engine(NO_POLLING), given().engine(NO_POLLING)];
    here.register('here', () => 'done');
    there.register('there', () => 'done');
    await here.start();
    await there.start();
    const jobs = await here.enqueueMany([
      { job: 'here', delay: 700 },
      { job: 'there', delay: 700 },
    ]);
    for (const { id, runAt } of jobs) {
      const { startedAt } = await reached(here, id, 'completed');
      expect(startedAt!.getTime()).toBeGreaterThanOrEqual(runAt.getTime());
    }
  });

  it('the wake-up of a delayed job is enough for it to start in time', async () => {
    const faulty = new FaultyStore(await given().open());
    // Claims never tell of a job that is due later.
    const forget = async (proceed: () => Promise<unknown>): Promise<unknown> => {
      const answer = (await proceed()) as ClaimResult;
      return (answer.nextDueInMs ?? 0) > 100 ? { ...answer, nextDueInMs: null } : answer;
    };
    faulty.answer('claimJobs', forget, Number.POSITIVE_INFINITY);
    const engine = given().engine({ store: faulty.store, ...NO_POLLING });
    engine.register('greet', () => 'done');
    await engine.start();
    for (const producer of [engine, given().engine({ worker: false })]) {
      const { id } = await producer.enqueue('greet', null, { delay: 700 });
      await reached(engine, id, 'completed');
    }
  });

  it('a job that was due later when the worker started wakes it in time', async () => {
    const producer = given().engine({ worker: false });
    const { id } = await producer.enqueue('greet', null, { delay: 300 });
    const engine = given().engine(NO_POLLING);
    engine.register('greet', () => 'done');
    await engine.start();
    await reached(engine, id, 'completed');
  });

  it('an earlier job is not held up by a timer for a later one, and the later one is not forgotten', async () => {
    const engine = given().engine(NO_POLLING);
    const order: unknown[] = [];
    engine.register('greet', (name) => void order.push(name));
    await engine.start();
    const late = await engine.enqueue('greet', 'late', { delay: 500 });
    const soon = await engine.enqueue('greet', 'soon', { delay: 100 });
    await reached(engine, soon.id, 'completed');
    await reached(engine, late.id, 'completed');
    expect(order).toEqual(['soon', 'late']);
  });

  it('retries, snoozes, retried jobs and replays start by themselves', async () => {
    const engine = given().engine({ ...NO_POLLING, backoff: { type: 'constant', initial: 60 } });
    let broken = true;
    engine.register('flaky', (_, { attempt }) => {
      if (attempt === 1) throw new Error('again');
    });
    engine.register('sleepy', (_, { attempt }) => {
      if (attempt === 1) throw new Snooze(60);
    });
    engine.register('broken', () => {
      if (broken) throw new Error('no');
    });
    await engine.start();
    await reached(engine, (await engine.enqueue('flaky')).id, 'completed');
    await reached(engine, (await engine.enqueue('sleepy')).id, 'completed');
    const [first, second] = await engine.enqueueMany([
      { job: 'broken', maxRetries: 0 },
      { job: 'broken', maxRetries: 0 },
    ]);
    await reached(engine, first!.id, 'failed');
    await reached(engine, second!.id, 'failed');
    broken = false;
    const steering = given().engine({ worker: false });
    await steering.jobs.retry(first!.id);
    await reached(engine, first!.id, 'completed');
    const entry = (await steering.dlq.list({ status: 'open' })).entries[0]!;
    const replayed = await steering.dlq.replay(entry.id);
    await reached(engine, replayed.id, 'completed');
  });

  it('jobs that a node hands back, and jobs that one rescues, wake the others', async () => {
    const never = deferred();
    const leaving = given().engine({ ...NO_POLLING, shutdownTimeout: 0 });
    leaving.register('handed back', () => never.promise);
    await leaving.start();
    const released = await leaving.enqueue('handed back');
    await reached(leaving, released.id, 'running');
    const { engine: doomed, kill } = await mortalEngine(given(), NO_POLLING);
    doomed.register('rescued', () => never.promise);
    await doomed.start();
    const rescued = await doomed.enqueue('rescued');
    await reached(doomed, rescued.id, 'running');

    const worker = given().engine({ ...NO_POLLING, heartbeat: '10m', lease: '1h' });
    worker.register('handed back', () => 'done');
    worker.register('rescued', () => 'done');
    await worker.start();
    await leaving.stop();
    await reached(worker, released.id, 'completed');
    await kill();
    const medic = given().engine(NO_POLLING);
    await medic.start();
    await reached(worker, rescued.id, 'completed');
    never.resolve();
  });

  it('slots that come free are filled at once', async () => {
    const engine = given().engine({ ...NO_POLLING, concurrency: 2 });
    engine.register('greet', () => Promise.resolve('done'));
    await engine.start();
    const jobs = await engine.enqueueMany(Array.from({ length: 25 }, () => ({ job: 'greet' })));
    for (const { id } of jobs) await reached(engine, id, 'completed');
  });

  it('a worker that held back while too many outcomes waited goes on when they are written', async () => {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({ store: faulty.store, ...NO_POLLING, concurrency: 4_500 });
    let runs = 0;
    engine.register('greet', () => void (runs += 1));
    const held = faulty.hold('settleJobs');
    await engine.enqueueMany(Array.from({ length: 4_500 }, () => ({ job: 'greet' })));
    await engine.start();
    await until('all have run', () => runs === 4_500);
    await held.reached;
    const last = await engine.enqueue('greet');
    held.release();
    await reached(engine, last.id, 'completed');
    await until('all were written', async () => (await engine.jobs.counts()).completed === 4_501);
  });

  it('polling finds the work where every wake-up is lost', async () => {
    const deaf = new FaultyStore(await given().open(), { wakes: false });
    const engine = given().engine({ store: deaf.store, ...FAST_POLLING });
    engine.register('greet', () => 'done');
    await engine.start();
    await until('the first look is over', () => deaf.calls('claimJobs').length > 0);
    await reached(engine, (await engine.enqueue('greet')).id, 'completed');
    await reached(engine, (await engine.enqueue('greet', null, { delay: 50 })).id, 'completed');
  });
});
