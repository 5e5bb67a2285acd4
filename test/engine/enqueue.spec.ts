import { expect, it } from 'vitest';
import { InvalidOptionsError, JobAlreadyExistsError, PayloadError, PayloadValidationError } from '../../lib/errors.js';
import { defineJob } from '../../lib/job/job-definition.js';
import type { NewJob } from '../../lib/job/job-record.js';
import { deferred } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { reached } from '../support/job-states.js';

const textOnly = defineJob<string>('greet somebody', {
  payload: {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) =>
        typeof value === 'string' ? { value } : { issues: [{ message: 'must be a text', path: ['name'] }] },
    },
  },
});

describeOnEachStore('enqueuing', (given) => {
  it('returns the job as it was stored', async () => {
    const engine = given().engine({ worker: false });
    const job = await engine.enqueue('greet', { a: [1, null] }, { groupKey: 'g', headers: { 'X-Trace': '1' } });
    const stored = await engine.jobs.get(job.id);
    expect(job).toMatchObject({ enqueued: 'inserted', state: 'pending', attempt: 0, payload: { a: [1, null] } });
    const { enqueued: _, ...plain } = { ...job };
    expect(plain).toEqual({ ...stored });
  });

  it('many single calls at once share few commits', async () => {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({ store: faulty.store, worker: false });
    await engine.open();
    const jobs = await Promise.all(Array.from({ length: 50 }, (_, input) => engine.enqueue('greet', input)));
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(50);
    expect(jobs.map(({ payload }) => payload)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(faulty.calls('insertJobs').length).toBeLessThanOrEqual(3);
    expect((await engine.jobs.counts()).pending).toBe(50);
  });

  it('a row that the store refuses does not fail the others of its commit', async () => {
    const faulty = new FaultyStore(await given().open());
    const refuse = async (proceed: () => Promise<unknown>, [jobs]: readonly unknown[]): Promise<unknown> => {
      if ((jobs as NewJob[]).some(({ payload }) => payload === '13')) throw new RangeError('out of range');
      return proceed();
    };
    faulty.answer('insertJobs', refuse, Number.POSITIVE_INFINITY);
    const engine = given().engine({ store: faulty.store, worker: false });
    await engine.open();
    const answers = await Promise.allSettled(Array.from({ length: 50 }, (_, input) => engine.enqueue('greet', input)));
    const refused = answers.flatMap((answer, index) => (answer.status === 'rejected' ? [[index, answer.reason]] : []));
    expect(refused).toEqual([[13, expect.any(RangeError)]]);
    expect((await engine.jobs.counts()).pending).toBe(49);
  });

  it('a conflict of one call is told to that call, not to those beside it', async () => {
    const engine = given().engine({ worker: false });
    const first = await engine.enqueue('greet', 'first', { uniqueKey: 'taken' });
    const [plain, ignored, refused, replaced] = await Promise.allSettled([
      engine.enqueue('greet'),
      engine.enqueue('greet', null, { uniqueKey: 'taken' }),
      engine.enqueue('greet', null, { uniqueKey: 'taken', onConflict: 'error' }),
      engine.enqueue('greet', 'again', { uniqueKey: 'taken', onConflict: 'replace' }),
    ]);
    expect(plain).toMatchObject({ status: 'fulfilled', value: { enqueued: 'inserted' } });
    expect(ignored).toMatchObject({ status: 'fulfilled', value: { id: first.id, enqueued: 'existing' } });
    expect(refused).toMatchObject({ status: 'rejected', reason: expect.any(JobAlreadyExistsError) });
    expect(replaced).toMatchObject({
      status: 'fulfilled',
      value: { id: first.id, enqueued: 'replaced', payload: 'again' },
    });
    expect((await engine.jobs.counts()).pending).toBe(2);
  });

  it('fifty calls with one unique key insert one job', async () => {
    const engines = [given().engine({ worker: false }), given().engine({ worker: false })];
    await Promise.all(engines.map((engine) => engine.open()));
    const jobs = await Promise.all(
      Array.from({ length: 50 }, (_, index) => engines[index % 2]!.enqueue('greet', index, { uniqueKey: 'one' })),
    );
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
    expect(jobs.filter(({ enqueued }) => enqueued === 'inserted')).toHaveLength(1);
    expect((await engines[0]!.jobs.counts()).pending).toBe(1);
  });

  it('a unique key is free again when its job has ended', async () => {
    const engine = given().engine();
    engine.register('greet', () => 'done');
    await engine.start();
    const first = await engine.enqueue('greet', null, { uniqueKey: 'one' });
    await reached(engine, first.id, 'completed');
    expect((await engine.enqueue('greet', null, { uniqueKey: 'one' })).enqueued).toBe('inserted');
  });

  it('a running job gives its key to the one that replaces it, and finishes', async () => {
    const engine = given().engine();
    const gate = deferred();
    engine.register('greet', async (name) => {
      if (name === 'first') await gate.promise;
      return name;
    });
    await engine.start();
    const first = await engine.enqueue('greet', 'first', { uniqueKey: 'one' });
    await reached(engine, first.id, 'running');
    const again = await engine.enqueue('greet', 'second', { uniqueKey: 'one', onConflict: 'ignore' });
    expect(again).toMatchObject({ id: first.id, enqueued: 'existing', state: 'running' });
    const second = await engine.enqueue('greet', 'second', { uniqueKey: 'one', onConflict: 'replace' });
    expect(second.enqueued).toBe('inserted');
    expect(second.id).not.toBe(first.id);
    gate.resolve();
    expect((await reached(engine, first.id, 'completed')).result).toBe('first');
    expect((await reached(engine, second.id, 'completed')).result).toBe('second');
  });

  it('many at once are stored all or none', async () => {
    const engine = given().engine({ worker: false });
    await engine.enqueue('greet', null, { uniqueKey: 'taken' });
    const items = [
      { job: 'greet' },
      { job: 'greet', uniqueKey: 'taken', onConflict: 'error' as const },
      { job: 'greet' },
    ];
    await expect(engine.enqueueMany(items)).rejects.toThrow(JobAlreadyExistsError);
    expect((await engine.jobs.counts()).pending).toBe(1);
    expect(await engine.enqueueMany([])).toEqual([]);
  });

  it('one bad item of many is named by its index, and nothing is stored', async () => {
    const engine = given().engine({ worker: false });
    const bad: readonly (readonly [object, new (...args: never[]) => Error])[] = [
      [{ job: textOnly, input: 7 }, PayloadValidationError],
      [{ job: 'greet', input: 10n }, PayloadError],
      [{ job: '' }, InvalidOptionsError],
      [{ job: 'greet', priority: 0.5 }, InvalidOptionsError],
      [{ job: 'greet', delay: '1s', runAt: new Date() }, InvalidOptionsError],
      [{ job: 'greet', uniqueFor: '1h' }, InvalidOptionsError],
      [{ job: 'greet', scope: null }, InvalidOptionsError],
      [{ job: 'greet', manager: {} }, InvalidOptionsError],
      [{ job: null }, InvalidOptionsError],
      [{ job: Map }, InvalidOptionsError],
      [{}, InvalidOptionsError],
      [null as never, InvalidOptionsError],
      ['greet' as never, InvalidOptionsError],
    ];
    for (const [item, error] of bad) {
      const items = [{ job: 'greet' }, item as { job: string }, { job: 'greet' }];
      const failure: unknown = await engine.enqueueMany(items).catch((reason: unknown) => reason);
      expect(failure).toBeInstanceOf(error);
      expect((failure as Error).message).toMatch(/^item 1: /);
    }
    expect((await engine.jobs.counts()).pending).toBe(0);
  });

  it('a payload that its schema refuses is not stored, and each field is named', async () => {
    const engine = given().engine({ worker: false });
    const failure: unknown = await engine.enqueue(textOnly, 7 as unknown as string).catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(PayloadValidationError);
    expect(failure).toMatchObject({ status: 400, fields: [{ path: 'name', messages: ['must be a text'] }] });
    expect((await engine.jobs.counts()).pending).toBe(0);
  });

  it('a thousand and one jobs go in one call and all run', async () => {
    const engine = given().engine({ concurrency: 100 });
    let runs = 0;
    engine.register('greet', () => void (runs += 1));
    await engine.start();
    const jobs = await engine.enqueueMany(Array.from({ length: 1_001 }, (_, input) => ({ job: 'greet', input })));
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1_001);
    await expect.poll(async () => (await engine.jobs.counts()).completed, { timeout: 10_000 }).toBe(1_001);
    expect(runs).toBe(1_001);
  });
});
