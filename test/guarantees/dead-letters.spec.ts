import { expect, it } from 'vitest';
import { DlqEntryNotFoundError, InvalidOptionsError, InvalidStateError } from '../../lib/errors.js';
import { NonRetryableError } from '../../lib/job/control-outcomes.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { AT_ONCE, reached } from '../support/job-states.js';
import { until } from '../support/until.js';

describeOnEachStore('a failure and its dead letter', (given) => {
  it('a job that has spent its retries has failed and is in the dead-letter queue with its history', async () => {
    const engine = given().engine({ backoff: AT_ONCE });
    engine.register('greet', (_, { attempt, isFinalAttempt }) => {
      throw new Error(`attempt ${attempt}${isFinalAttempt ? ', the last' : ''}`);
    });
    await engine.start();
    const { id } = await engine.enqueue('greet', { name: 'Ada' }, { maxRetries: 2, queue: 'default', priority: 3 });
    const job = await reached(engine, id, 'failed');
    const messages = ['attempt 1', 'attempt 2', 'attempt 3, the last'];
    expect(job).toMatchObject({ attempt: 3, retryCount: 3 });
    expect(job.errors.map(({ message }) => message)).toEqual(messages);
    const { entries } = await engine.dlq.list();
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ jobId: id, jobName: 'greet', payload: { name: 'Ada' }, priority: 3 });
    expect(entries[0]!.errors.map(({ message }) => message)).toEqual(messages);
    expect(await engine.dlq.count({ status: 'open' })).toBe(1);
  });

  it('whoever sees a job as failed finds its dead letter', async () => {
    const engine = given().engine({ maxRetries: 0 });
    engine.register('greet', () => {
      throw new Error('no');
    });
    await engine.start();
    const jobs = await engine.enqueueMany(Array.from({ length: 20 }, () => ({ job: 'greet' })));
    await until('all have failed', async () => {
      const { failed } = await engine.jobs.counts();
      expect(await engine.dlq.count()).toBeGreaterThanOrEqual(failed);
      return failed === jobs.length;
    });
    expect(await engine.dlq.count()).toBe(jobs.length);
  });

  it('a failure that could not be written at first leaves one dead letter', async () => {
    const faulty = new FaultyStore(await given().open());
    faulty.fail('settleJobs');
    faulty.loseAnswer('settleJobs');
    const engine = given().engine({ store: faulty.store, maxRetries: 0 });
    engine.register('greet', () => {
      throw new Error('no');
    });
    await engine.start();
    const { id } = await engine.enqueue('greet');
    await until('it was written three times', () => faulty.calls('settleJobs').length === 3);
    await reached(engine, id, 'failed');
    expect(await engine.dlq.count()).toBe(1);
  });

  it('a replay runs the work again as a new job, and closes the entry', async () => {
    const engine = given().engine({ maxRetries: 0 });
    let broken = true;
    engine.register('greet', (payload) => {
      if (broken) throw new Error('no');
      return payload;
    });
    await engine.start();
    const { id } = await engine.enqueue('greet', 'Ada', { maxRetries: 0 });
    await reached(engine, id, 'failed');
    const [entry] = (await engine.dlq.list()).entries;

    broken = false;
    const replayed = await engine.dlq.replay(entry!.id);
    expect(replayed.id).not.toBe(id);
    expect((await reached(engine, replayed.id, 'completed')).result).toBe('Ada');
    expect(await engine.dlq.get(entry!.id)).toMatchObject({ replayJobId: replayed.id, replayedAt: expect.any(Date) });
    expect((await engine.jobs.get(id))?.state).toBe('failed');

    await expect(engine.dlq.replay(entry!.id)).rejects.toThrow(InvalidStateError);
    const forced = await engine.dlq.replay(entry!.id, { force: true, payload: 'Grace' });
    expect((await reached(engine, forced.id, 'completed')).result).toBe('Grace');
    const unknown = entry!.id.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    await expect(engine.dlq.replay(unknown)).rejects.toThrow(DlqEntryNotFoundError);
  });

  it('of two replays at the same time one wins', async () => {
    const engine = given().engine();
    engine.register('greet', () => {
      throw new NonRetryableError('no');
    });
    await engine.start();
    const { id } = await engine.enqueue('greet');
    await reached(engine, id, 'failed');
    await engine.drain();
    const [entry] = (await engine.dlq.list()).entries;
    const replays = await Promise.allSettled([engine.dlq.replay(entry!.id), engine.dlq.replay(entry!.id)]);
    expect(replays.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await engine.jobs.counts()).pending).toBe(1);
  });

  it('replayAll replays every open entry that fits, over more than a page, once', async () => {
    const engine = given().engine({ maxRetries: 0, concurrency: 50 });
    let broken = true;
    const fail = (): void => {
      if (broken) throw new Error('no');
    };
    engine.register('greet', fail);
    engine.register('other', fail);
    await engine.start();
    await engine.enqueueMany(Array.from({ length: 130 }, () => ({ job: 'greet' })));
    await engine.enqueue('other');
    await until('all have failed', async () => (await engine.jobs.counts()).failed === 131);
    broken = false;
    expect(await engine.dlq.replayAll({ name: 'greet' })).toBe(130);
    expect(await engine.dlq.replayAll({ name: 'greet' })).toBe(0);
    expect(await engine.dlq.count({ status: 'open' })).toBe(1);
    expect(await engine.dlq.count({ status: 'replayed' })).toBe(130);
    await until('all were done', async () => (await engine.jobs.counts()).completed === 130);
  });

  it('replayAll goes on when an entry is deleted under its hands', async () => {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({ store: faulty.store, maxRetries: 0 });
    engine.register('greet', () => {
      throw new Error('no');
    });
    await engine.start();
    await engine.enqueueMany([{ job: 'greet' }, { job: 'greet' }]);
    await until('both have failed', async () => (await engine.jobs.counts()).failed === 2);
    await engine.drain();
    const [newest] = (await engine.dlq.list()).entries;
    const looking = await given().open();
    faulty.answer('replayDlqEntry', async (proceed) => {
      await looking.discardJob(newest!.jobId);
      return proceed();
    });
    expect(await engine.dlq.replayAll()).toBe(1);
    expect(await engine.dlq.count({ status: 'replayed' })).toBe(1);
  });

  it('a filter that is not understood is refused, and passes neither for none nor for another', async () => {
    const engine = given().engine({ worker: false });
    const queries = [{ status: 'Open' }, { queue: 5 }, { name: '' }, { queue: 'a\u0000' }] as never[];
    for (const query of queries) {
      await expect(engine.dlq.list(query)).rejects.toThrow(InvalidOptionsError);
      await expect(engine.dlq.count(query)).rejects.toThrow(InvalidOptionsError);
    }
    await expect(engine.dlq.replayAll({ queue: 5 } as never)).rejects.toThrow(/"queue"/);
    const ofJobs = [
      { states: 'pending' },
      { states: ['done'] },
      { queue: 5 },
      { name: '' },
      { order: 'up' },
    ] as never[];
    for (const query of ofJobs) await expect(engine.jobs.list(query)).rejects.toThrow(InvalidOptionsError);
    await expect(engine.jobs.counts({ name: 'a\u0000' })).rejects.toThrow(/"name"/);
  });

  it('purge deletes the entries that failed before a time', async () => {
    const engine = given().engine({ maxRetries: 0 });
    engine.register('greet', () => {
      throw new Error('no');
    });
    await engine.start();
    await reached(engine, (await engine.enqueue('greet')).id, 'failed');
    const [entry] = (await engine.dlq.list()).entries;
    expect(await engine.dlq.purge(new Date(entry!.failedAt.getTime() - 60_000))).toBe(0);
    expect(await engine.dlq.count()).toBe(1);
    // A time to come is no older than now: the entry goes once the store's clock has moved on by a tick.
    await until('it was deleted', async () => (await engine.dlq.purge(new Date(Date.now() + 60_000))) === 1);
    expect(await engine.dlq.count()).toBe(0);
  });

  it('a retry of a failed job runs it again with all its retries, and closes its entry', async () => {
    const engine = given().engine({ backoff: AT_ONCE });
    let broken = true;
    engine.register('greet', (_, { retryCount }) => {
      if (broken || retryCount === 0) throw new Error('no');
      return 'done';
    });
    await engine.start();
    const { id } = await engine.enqueue('greet', null, { maxRetries: 1 });
    await reached(engine, id, 'failed');
    broken = false;
    await engine.jobs.retry(id);
    expect(await reached(engine, id, 'completed')).toMatchObject({ attempt: 4, retryCount: 1, result: 'done' });
    expect(await engine.dlq.count({ status: 'open' })).toBe(0);
  });
});
