import { expect, it } from 'vitest';
import { describeOnEachStore } from '../support/each-store.js';
import { NO_POLLING, reached } from '../support/job-states.js';
import { deferred } from '../support/deferred.js';

describeOnEachStore('names without a handler', (given) => {
  it('stay pending, are no failures, and do not hold up others', async () => {
    const engine = given().engine();
    engine.register('known', () => 'done');
    const unknown = await engine.enqueueMany(
      Array.from({ length: 300 }, () => ({ job: 'of a newer version', priority: 100 })),
    );
    const known = await engine.enqueue('known');
    await engine.start();
    await reached(engine, known.id, 'completed');
    expect(await engine.jobs.counts()).toMatchObject({ pending: unknown.length, completed: 1, failed: 0, retrying: 0 });
    const left = await engine.jobs.get(unknown[0]!.id);
    expect(left).toMatchObject({ state: 'pending', attempt: 0, retryCount: 0, errors: [] });
  });

  it('are left to a process that has the handler', async () => {
    const older = given().engine();
    older.register('old', () => 'older');
    const newer = given().engine();
    newer.register('new', () => 'newer');
    await older.start();
    await newer.start();
    const [first, second] = await older.enqueueMany([{ job: 'old' }, { job: 'new' }]);
    expect((await reached(older, first!.id, 'completed')).result).toBe('older');
    expect((await reached(older, second!.id, 'completed')).result).toBe('newer');
  });

  it('run when a handler is registered while the engine runs', async () => {
    const engine = given().engine(NO_POLLING);
    await engine.start();
    const { id } = await engine.enqueue('late');
    engine.register('other', () => 'done');
    await reached(engine, (await engine.enqueue('other')).id, 'completed');
    expect((await engine.jobs.get(id))?.state).toBe('pending');
    engine.register('late', () => 'done');
    await reached(engine, id, 'completed');
  });

  it('are left alone again when the handler is taken away, and the attempt under way ends', async () => {
    const engine = given().engine();
    const gate = deferred();
    const running = deferred();
    const remove = engine.register('leaving', async () => {
      running.resolve();
      await gate.promise;
      return 'done';
    });
    engine.register('staying', () => 'done');
    await engine.start();
    const under = await engine.enqueue('leaving');
    await running.promise;
    remove();
    const { id } = await engine.enqueue('leaving');
    await reached(engine, (await engine.enqueue('staying')).id, 'completed');
    gate.resolve();
    expect((await reached(engine, under.id, 'completed')).result).toBe('done');
    expect(await engine.jobs.get(id)).toMatchObject({ state: 'pending', attempt: 0 });
  });

  it('the handler of a later registration is not taken away by an earlier one', async () => {
    const engine = given().engine();
    const remove = engine.register('greet', () => 'first');
    remove();
    engine.register('greet', () => 'second');
    remove();
    await engine.start();
    const { id } = await engine.enqueue('greet');
    expect((await reached(engine, id, 'completed')).result).toBe('second');
  });
});
