import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, it } from 'vitest';
import { StoreUnavailableError } from '../../lib/errors.js';
import type { InsertJobsOptions } from '../../lib/job/job-store.js';
import { deferred } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { NO_POLLING, reached } from '../support/job-states.js';
import { until } from '../support/until.js';

describeOnEachStore('a job that the worker’s own process enqueues', (given) => {
  /** An engine that works, on a store that can be watched; its first claim has come back. */
  async function working(options: object = {}) {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({ store: faulty.store, ...NO_POLLING, ...options });
    let answered = 0;
    const count = async (proceed: () => Promise<unknown>): Promise<unknown> => {
      const answer = await proceed();
      answered += 1;
      return answer;
    };
    faulty.answer('claimJobs', count, Number.POSITIVE_INFINITY);
    await engine.start();
    const settled = async (): Promise<void> => {
      let before = -1;
      await until('no claim is on its way', () => {
        const calls = faulty.calls('claimJobs').length;
        const still = calls === before && calls === answered;
        before = calls;
        return still;
      });
      faulty.mend();
    };
    return { faulty, engine, settled };
  }

  const offersOf = (faulty: FaultyStore): number =>
    faulty.calls('insertJobs').filter(([, options]) => (options as InsertJobsOptions | undefined)?.handOff).length;

  it('starts without a claim where the store can hand it over, and is claimed elsewhere', async () => {
    const { faulty, engine, settled } = await working();
    engine.register('greet', () => 'hello');
    await settled();
    if (given().kind === 'postgres') faulty.cut(['claimJobs']);
    const { id } = await engine.enqueue('greet');
    expect(await reached(engine, id, 'completed')).toMatchObject({ result: 'hello', attempt: 1 });
    expect(offersOf(faulty)).toBe(given().kind === 'postgres' ? 1 : 0);
  });

  it('starts after its enqueuer was answered, outside of its context', async () => {
    const { engine, settled } = await working();
    const context = new AsyncLocalStorage<string>();
    const told: string[] = [];
    engine.on('jobEnqueued', () => void told.push('enqueued'));
    engine.on('jobStarted', () => void told.push('started'));
    engine.register('greet', () => void told.push(`runs ${String(context.getStore())}`));
    await settled();
    const { id } = await context.run('of a request', async () => {
      const job = await engine.enqueue('greet');
      told.push('answered');
      return job;
    });
    await reached(engine, id, 'completed');
    await until('all was told', () => told.length === 4);
    expect(told.indexOf('enqueued')).toBeLessThan(told.indexOf('started'));
    expect(told.indexOf('answered')).toBeLessThan(told.indexOf('runs undefined'));
  });

  it('waits while the slots of the worker, of its queue or of its handler are taken, and runs when one is free', async () => {
    const { engine, settled } = await working({
      concurrency: 2,
      queues: [{ name: 'narrow', concurrency: 1 }, 'default'],
    });
    const gate = deferred();
    let running = 0;
    let most = 0;
    const handler = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await gate.promise;
      running -= 1;
    };
    engine.register('greet', handler);
    engine.register({ name: 'single', concurrency: 1 }, handler);
    await settled();
    const first = [await engine.enqueue('greet', null, { queue: 'narrow' }), await engine.enqueue('single')];
    for (const { id } of first) await reached(engine, id, 'running');
    const later = [
      await engine.enqueue('greet', null, { queue: 'narrow' }),
      await engine.enqueue('single'),
      await engine.enqueue('greet'),
    ];
    for (const { id } of later) expect((await engine.jobs.get(id))!.state).toBe('pending');
    gate.resolve();
    for (const { id } of [...first, ...later]) await reached(engine, id, 'completed');
    expect(most).toBe(2);
  });

  it('is offered no slot when it is due later, has a unique key, or has no handler here', async () => {
    const { faulty, engine, settled } = await working();
    engine.register('greet', () => undefined);
    await settled();
    await engine.enqueue('greet', null, { delay: '1h' });
    await engine.enqueue('greet', null, { uniqueKey: 'once' });
    await engine.enqueue('unknown');
    expect(offersOf(faulty)).toBe(0);
  });

  it('is neither lost nor done twice when the store’s answer is lost', async () => {
    const { faulty, engine, settled } = await working({
      lease: 300,
      heartbeat: 100,
      pollInterval: 20,
      maxPollInterval: 20,
    });
    let runs = 0;
    engine.register('greet', () => void (runs += 1));
    await settled();
    faulty.loseAnswer('insertJobs');
    const { id } = await engine.enqueue('greet');
    await reached(engine, id, 'completed');
    expect(runs).toBe(1);
  });

  it('takes no slot with it when its insert fails', async () => {
    const { faulty, engine, settled } = await working({ concurrency: 1 });
    engine.register('greet', () => undefined);
    await settled();
    faulty.fail('insertJobs', new StoreUnavailableError('the store is down'), 2);
    await expect(engine.enqueue('greet')).rejects.toThrow(StoreUnavailableError);
    await reached(engine, (await engine.enqueue('greet')).id, 'completed');
  });

  it('is not taken for a stray of an earlier claim while the store has not answered yet', async () => {
    const { faulty, engine, settled } = await working({
      lease: 200,
      heartbeat: 50,
      pollInterval: 20,
      maxPollInterval: 20,
    });
    let runs = 0;
    engine.register('greet', () => void (runs += 1));
    await settled();
    faulty.loseAnswer('claimJobs');
    const before = faulty.calls('claimJobs').length;
    await until('an answer to a claim was lost', () => faulty.calls('claimJobs').length > before + 1);
    const answered = deferred();
    faulty.answer('insertJobs', async (proceed) => {
      const result = await proceed();
      await answered.promise;
      return result;
    });
    const enqueued = engine.enqueue('greet');
    const claims = faulty.calls('claimJobs').length;
    await until('strays could have been handed back', () => faulty.calls('claimJobs').length > claims + 20);
    expect(faulty.calls('settleJobs').length).toBe(given().kind === 'postgres' && offersOf(faulty) === 1 ? 0 : runs);
    answered.resolve();
    const { id } = await enqueued;
    await reached(engine, id, 'completed');
    expect(runs).toBe(1);
  });

  it('is handed back at no cost when the engine drains at that moment', async () => {
    const { faulty, engine, settled } = await working();
    engine.register('greet', () => undefined);
    await settled();
    const held = faulty.hold('insertJobs');
    const enqueued = engine.enqueue('greet');
    await held.reached;
    const drained = engine.drain();
    held.release();
    const { id } = await enqueued;
    await drained;
    const job = (await engine.jobs.get(id))!;
    if (job.state === 'completed') return;
    expect(job).toMatchObject({ state: 'pending', retryCount: 0 });
  });
});
