import { expect, it } from 'vitest';
import { NonRetryableError, Snooze, defineJob } from '../../lib/engine/index.js';
import { TestClock, TestKit } from '../../lib/testing/index.js';
import { describeOnEachStore } from '../support/each-store.js';

const sendEmail = defineJob<{ to: string }>('send-email', {
  maxRetries: 2,
  backoff: { type: 'constant', initial: '1m' },
});

describeOnEachStore('the test kit runs jobs', (given) => {
  function kitOf(): TestKit {
    const clock = new TestClock();
    const own = given().kind === 'memory' ? { store: { type: 'memory' } as const } : {};
    return new TestKit(given().engine({ clock, ...own }), clock);
  }

  it('when it is told to, and not before', async () => {
    const kit = kitOf();
    const sent: string[] = [];
    kit.engine.register(sendEmail, async ({ to }) => void sent.push(to));
    await kit.engine.enqueue(sendEmail, { to: 'ada' });
    expect(sent).toEqual([]);
    const runs = await kit.drain();
    expect(sent).toEqual(['ada']);
    expect(runs).toMatchObject([
      { name: 'send-email', attempt: 1, payload: { to: 'ada' }, outcome: { kind: 'completed' } },
    ]);
    expect((await kit.engine.jobs.get(runs[0]!.id))?.state).toBe('completed');
    expect(await kit.engine.workers(), 'no worker stays behind').toEqual([]);
  });

  it('one after the other, by queue, priority and age, also in queues that the engine does not work on', async () => {
    const kit = kitOf();
    const order: string[] = [];
    let underWay = 0;
    kit.engine.register<{ of: string }, void>(defineJob('note'), async ({ of }) => {
      underWay += 1;
      await new Promise((resolve) => setImmediate(resolve));
      order.push(underWay === 1 ? of : `${of}, beside another`);
      underWay -= 1;
    });
    await kit.engine.enqueue('note', { of: 'mail' }, { queue: 'mail' });
    await kit.engine.enqueue('note', { of: 'first' });
    await kit.engine.enqueue('note', { of: 'second' });
    await kit.engine.enqueue('note', { of: 'urgent' }, { priority: 5 });
    await kit.drain();
    expect(order).toEqual(['urgent', 'first', 'second', 'mail']);
  });

  it('with what they enqueue by drain, without it by runDue', async () => {
    const kit = kitOf();
    kit.engine.register('parent', () => kit.engine.enqueue('child'));
    kit.engine.register('child', async () => undefined);
    await kit.engine.enqueue('parent');
    expect((await kit.runDue()).map(({ name }) => name)).toEqual(['parent']);
    expect((await kit.runDue()).map(({ name }) => name)).toEqual(['child']);
    await kit.engine.enqueue('parent');
    expect((await kit.drain()).map(({ name }) => name)).toEqual(['parent', 'child']);
  });

  it('again after their backoff, once the clock has moved so far', async () => {
    const kit = kitOf();
    const failures: unknown[] = [];
    kit.engine.on('jobRetrying', ({ job }) => void failures.push(job.retryCount));
    kit.engine.register(sendEmail, async (_email, { attempt }) => {
      if (attempt < 3) throw new Error(`attempt ${attempt} failed`);
    });
    await kit.engine.enqueue(sendEmail, { to: 'ada' });
    const [first] = await kit.drain();
    expect(first?.outcome).toMatchObject({ kind: 'retry', delayMs: 60_000, error: { message: 'attempt 1 failed' } });
    expect(failures, 'listeners have heard of it when drain returns').toEqual([1]);
    expect(await kit.drain()).toEqual([]);
    await kit.clock.advance('59s');
    expect(await kit.drain()).toEqual([]);
    await kit.clock.advance('1s');
    expect((await kit.drain()).map(({ attempt }) => attempt)).toEqual([2]);
    const runs = await kit.advance('1h');
    expect(runs.map(({ outcome }) => outcome.kind)).toEqual(['completed']);
  });

  it('at their own moments when the clock is advanced by days', async () => {
    const kit = kitOf();
    const start = kit.clock.now();
    const at: string[] = [];
    kit.engine.register<{ of: string }, void>(defineJob('note'), async ({ of }) => {
      at.push(`${of} after ${(kit.clock.now() - start) / 3_600_000} h`);
    });
    let asked = 0;
    kit.engine.register('snoozes', async () => {
      if (++asked < 3) throw new Snooze('1d');
    });
    await kit.engine.enqueue('note', { of: 'late' }, { delay: '50h' });
    await kit.engine.enqueue('note', { of: 'soon' }, { delay: '2h' });
    await kit.engine.enqueue('snoozes');
    const runs = await kit.advance('3d');
    expect(at).toEqual(['soon after 2 h', 'late after 50 h']);
    expect(runs.map(({ outcome }) => outcome.kind)).toEqual([
      'snoozed',
      'completed',
      'snoozed',
      'completed',
      'completed',
    ]);
    expect(kit.clock.now()).toBe(start + 3 * 86_400_000);
  });

  it('to their timeout, when the clock moves while they run', async () => {
    const kit = kitOf();
    kit.engine.register(defineJob('slow', { timeout: '30s', maxRetries: 0 }), (_payload, { signal }) => {
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    });
    const listener = new Promise((resolve) => kit.engine.on('jobStarted', resolve));
    await kit.engine.enqueue('slow');
    const drained = kit.drain();
    await listener;
    await kit.clock.advance('30s');
    expect((await drained)[0]?.outcome).toMatchObject({ kind: 'failed', error: { name: 'JobTimeoutError' } });
  });

  it('into the dead-letter queue when they fail for good', async () => {
    const kit = kitOf();
    const error = new NonRetryableError('no such customer');
    kit.engine.register(sendEmail, async () => {
      throw error;
    });
    await kit.engine.enqueue(sendEmail, { to: 'ada' });
    const [run] = await kit.drain();
    expect(run?.outcome).toMatchObject({ kind: 'failed', error: { message: 'no such customer' } });
    expect(run?.outcome.kind === 'failed' && run.outcome.thrown).toBe(error);
    expect(await kit.engine.dlq.count()).toBe(1);
  });

  it('up to the crash that was asked for, at the cost of a retry when the lease is over', async () => {
    const kit = kitOf();
    const attempts: number[] = [];
    kit.engine.register(sendEmail, async (_email, { attempt }) => void attempts.push(attempt));
    kit.engine.register('neighbour', async () => undefined);
    kit.crashNext(sendEmail);
    const job = await kit.engine.enqueue(sendEmail, { to: 'ada' });
    await kit.engine.enqueue('neighbour');
    expect((await kit.drain()).map(({ outcome }) => outcome.kind)).toEqual(['crashed', 'completed']);
    expect((await kit.engine.jobs.get(job.id))?.state).toBe('running');
    await kit.clock.advance('14s');
    expect(await kit.drain(), 'its lease has not ended').toEqual([]);
    expect((await kit.advance('2s')).map(({ outcome }) => outcome.kind)).toEqual(['completed']);
    expect(attempts, 'the work of the crashed attempt was done').toEqual([1, 2]);
    expect(await kit.engine.jobs.get(job.id)).toMatchObject({ state: 'completed', retryCount: 1 });
  });

  it('into the dead-letter queue when every attempt crashes, before the handler is called if so asked', async () => {
    const kit = kitOf();
    let calls = 0;
    kit.engine.register(sendEmail, async () => void (calls += 1));
    kit.crashNext(sendEmail, { when: 'before-handler', times: 3 });
    const job = await kit.engine.enqueue(sendEmail, { to: 'ada' });
    const runs = await kit.advance('10m');
    expect(runs.map(({ outcome }) => outcome.kind)).toEqual(['crashed', 'crashed', 'crashed']);
    expect(await kit.engine.jobs.get(job.id)).toMatchObject({ state: 'failed', retryCount: 3 });
    expect(calls).toBe(0);
  });

  it('with their progress, log lines, results and a cancel from within', async () => {
    const kit = kitOf();
    kit.engine.register('report', async (_payload, job) => {
      job.progress({ done: 1 });
      job.log('half way');
      return { at: new Date(0) };
    });
    kit.engine.register('gives-up', async (_payload, { id, signal }) => {
      await kit.engine.jobs.cancel(id);
      if (signal.aborted) throw signal.reason;
    });
    const job = await kit.engine.enqueue('report');
    const [run] = await kit.drain();
    expect(run?.outcome).toEqual({ kind: 'completed', result: { at: '1970-01-01T00:00:00.000Z' } });
    expect(await kit.engine.jobs.get(job.id)).toMatchObject({ progress: { done: 1 } });
    expect(await kit.engine.jobs.logs(job.id)).toMatchObject([{ message: 'half way' }]);
    await kit.engine.enqueue('gives-up');
    const [cancelled] = await kit.drain();
    // Where the news comes in time, the handler was asked to stop.
    expect(cancelled?.outcome.kind).toBe((await kit.engine.jobs.get(cancelled!.id))?.state);
  });
});
