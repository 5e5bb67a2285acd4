import { expect, it } from 'vitest';
import { createEngine } from '../../lib/engine/create-engine.js';
import { StoreUnavailableError } from '../../lib/errors.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { reached } from '../support/job-states.js';
import { until } from '../support/until.js';

describeOnEachStore('nothing that was acknowledged is lost', (given) => {
  it('an enqueue whose answer was lost is repeated with the same id, and the job is there once', async () => {
    const faulty = new FaultyStore(await given().open());
    faulty.loseAnswer('insertJobs');
    const engine = given().engine({ store: faulty.store, worker: false });
    const { id } = await engine.enqueue('greet', { name: 'Ada' });
    expect(faulty.calls('insertJobs')).toHaveLength(2);
    expect((await engine.jobs.list()).jobs.map((job) => job.id)).toEqual([id]);
    expect(await engine.jobs.get(id)).toMatchObject({ state: 'pending', payload: { name: 'Ada' } });
  });

  it('many jobs whose answer was lost are there once each', async () => {
    const faulty = new FaultyStore(await given().open());
    faulty.loseAnswer('insertJobs');
    const engine = given().engine({ store: faulty.store, worker: false });
    const enqueued = await engine.enqueueMany([
      { job: 'greet' },
      { job: 'greet', uniqueKey: 'one' },
      { job: 'greet', uniqueKey: 'one' },
    ]);
    expect(enqueued[2]!.id).toBe(enqueued[1]!.id);
    expect((await engine.jobs.counts()).pending).toBe(2);
  });

  it('an enqueue that could not be stored rejects and leaves nothing behind', async () => {
    const faulty = new FaultyStore(await given().open());
    faulty.fail('insertJobs', undefined, 2);
    const engine = given().engine({ store: faulty.store, worker: false });
    await expect(engine.enqueue('greet')).rejects.toThrow(StoreUnavailableError);
    expect((await engine.jobs.list()).jobs).toEqual([]);
    expect((await engine.enqueue('greet')).state).toBe('pending');
  });

  it('an outcome that could not be written twice is written by the third try', async () => {
    const faulty = new FaultyStore(await given().open());
    faulty.fail('settleJobs', undefined, 2);
    const engine = given().engine({ store: faulty.store });
    let runs = 0;
    engine.register('greet', () => {
      runs += 1;
      return 'done';
    });
    await engine.start();
    const { id } = await engine.enqueue('greet');
    expect((await reached(engine, id, 'completed')).result).toBe('done');
    expect(runs).toBe(1);
    expect(faulty.calls('settleJobs').length).toBeGreaterThanOrEqual(3);
    expect(given().logger.errors.filter((line) => line.includes('could not be written yet'))).toHaveLength(2);
  });

  it('an outcome whose answer was lost stands, and the job runs once', async () => {
    const faulty = new FaultyStore(await given().open());
    faulty.loseAnswer('settleJobs');
    const engine = given().engine({ store: faulty.store });
    let runs = 0;
    engine.register('greet', () => void (runs += 1));
    await engine.start();
    const { id } = await engine.enqueue('greet');
    await until('the outcome was written again', () => faulty.calls('settleJobs').length === 2);
    expect(await reached(engine, id, 'completed')).toMatchObject({ attempt: 1, errors: [] });
    expect(runs).toBe(1);
  });

  it('an outcome that the store refuses by itself ends its job all the same, and not those beside it', async () => {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({ store: faulty.store, settleWindow: 30 });
    const refuse = async (proceed: () => Promise<unknown>, [, settlements]: readonly unknown[]): Promise<unknown> => {
      if (JSON.stringify(settlements).includes('odd')) throw new TypeError('the store cannot hold this');
      return proceed();
    };
    faulty.answer('settleJobs', refuse, Number.POSITIVE_INFINITY);
    engine.register('greet', (payload) => payload);
    await engine.start();
    const [even, odd, other] = await engine.enqueueMany(
      ['even', 'odd', 'other'].map((input) => ({ job: 'greet', input })),
    );
    expect((await reached(engine, even!.id, 'completed')).result).toBe('even');
    expect((await reached(engine, other!.id, 'completed')).result).toBe('other');
    expect((await reached(engine, odd!.id, 'completed')).result).toBeUndefined();
  });

  it('a store that is down at the start is reported, and the start can be repeated', async () => {
    const faulty = new FaultyStore(await given().open());
    faulty.fail('migrate');
    const engine = given().engine({ store: faulty.store });
    engine.register('greet', () => 'done');
    await expect(engine.start()).rejects.toThrow(StoreUnavailableError);
    expect(engine.state).toBe('stopped');
    faulty.fail('registerWorker');
    await expect(engine.start()).rejects.toThrow(StoreUnavailableError);
    expect(engine.state).toBe('stopped');
    await engine.start();
    expect(engine.state).toBe('running');
    const { id } = await engine.enqueue('greet');
    await reached(engine, id, 'completed');
  });

  it('a store that is gone for a while is found again by the worker', async () => {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({ store: faulty.store, pollInterval: 20, maxPollInterval: 20 });
    engine.register('greet', () => 'done');
    await engine.start();
    faulty.fail('claimJobs', undefined, 3);
    const { id } = await engine.enqueue('greet');
    await reached(engine, id, 'completed');
    expect(given().logger.errors.filter((line) => line.includes('could not be claimed'))).toHaveLength(3);
  });
});

describeOnEachStore(
  'a restart of the process',
  (given) => {
    it('goes on with the work that was pending', async () => {
      const before = given().engine({ worker: false });
      const { id } = await before.enqueue('greet', 'Ada');
      await before.stop();

      const after = given().engine();
      after.register('greet', (name) => `hello ${String(name)}`);
      await after.start();
      expect((await reached(after, id, 'completed')).result).toBe('hello Ada');
    });

    it('goes on with the work of the same engine, started again', async () => {
      const engine = given().engine();
      await engine.start();
      const { id } = await engine.enqueue('greet');
      await engine.stop();
      engine.register('greet', () => 'done');
      await engine.start();
      expect((await reached(engine, id, 'completed')).result).toBe('done');
    });
  },
  ['sqlite', 'postgres'],
);

describeOnEachStore(
  'a database that cannot be reached',
  (given) => {
    it('rejects the start with an error of our own', async () => {
      const store =
        given().kind === 'postgres'
          ? ({ type: 'postgres', url: 'postgres://nobody:x@127.0.0.1:1/none' } as const)
          : ({ type: 'sqlite', database: '/dev/null/no-folder/dispatch.db' } as const);
      const engine = createEngine({ store, logger: given().logger });
      await expect(engine.start()).rejects.toThrow(StoreUnavailableError);
      await expect(engine.enqueue('greet')).rejects.toThrow(StoreUnavailableError);
      expect(engine.state).toBe('stopped');
      expect((await engine.health()).status).toBe('down');
      await engine.stop();
    });
  },
  ['sqlite', 'postgres'],
);
