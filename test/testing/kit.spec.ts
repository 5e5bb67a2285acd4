import { describe, expect, it } from 'vitest';
import { createEngine, defineJob, scope } from '../../lib/engine/index.js';
import { TestClock, TestKit, createTestKit } from '../../lib/testing/index.js';

interface Email {
  to: string;
  cc?: string[];
  at?: Date;
}

const sendEmail = defineJob<Email, { id: number }>('send-email', { queue: 'mail' });

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'it passed',
    (error: unknown) => (error as Error).message,
  );
}

describe('expectEnqueued', () => {
  it('finds a job by a part of its payload, by matchers and by a function, before and after it ran', async () => {
    const kit = createTestKit();
    kit.engine.register(sendEmail, async () => ({ id: 1 }));
    const job = await kit.engine.enqueue(sendEmail, { to: 'ada', cc: ['bob'], at: new Date(5) });
    for (let round = 0; round < 2; round++) {
      expect((await kit.expectEnqueued(sendEmail)).id).toBe(job.id);
      await kit.expectEnqueued(sendEmail, { to: 'ada' });
      await kit.expectEnqueued(sendEmail, { cc: ['bob'], at: new Date(5) });
      await kit.expectEnqueued(sendEmail, { to: expect.stringContaining('d') as string });
      await kit.expectEnqueued(sendEmail, ({ cc }) => cc?.length === 1);
      await kit.expectEnqueued('send-email', { to: 'ada' }, { queue: 'mail', count: 1 });
      await kit.drain();
    }
    await kit.expectEnqueued(sendEmail, { to: 'ada' }, { state: 'completed' });
  });

  it('shows what was enqueued instead', async () => {
    const kit = createTestKit();
    const { id } = await kit.engine.enqueue(sendEmail, { to: 'ada' });
    await kit.engine.enqueue('other');
    expect(await messageOf(kit.expectEnqueued(sendEmail, { to: 'bob' }))).toBe(
      [
        'expected a job "send-email" with payload {"to":"bob"} to be enqueued, and found 0.',
        'Enqueued as "send-email": 1',
        `  ${id} pending in "mail" {"to":"ada"}`,
        'Other jobs: 1 "other"',
      ].join('\n'),
    );
    await expect(kit.expectEnqueued(sendEmail, { to: 'bob' })).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
    expect(await messageOf(kit.expectEnqueued('never'))).toContain('No job "never" was enqueued.');
  });

  it.each([
    ['another part', { cc: ['bob', 'eve'] }, {}],
    ['a list in another order', { cc: ['eve', 'bob'] }, {}],
    ['a function that says no', () => false, {}],
    ['another queue', undefined, { queue: 'default' }],
    ['another priority', undefined, { priority: 1 }],
    ['another delay', undefined, { delay: '1m' }],
    ['another time', undefined, { runAt: new Date(0) }],
    ['another state', undefined, { state: 'failed' }],
    ['another key', undefined, { uniqueKey: 'other' }],
    ['another count', undefined, { count: 2 }],
  ] as const)('does not pass for %s', async (_what, payload, expected) => {
    const kit = createTestKit();
    await kit.engine.enqueue(sendEmail, { to: 'ada', cc: ['bob'] }, { uniqueKey: 'ada', delay: '2m' });
    const due = new Date(kit.clock.now() + 120_000);
    await kit.expectEnqueued(
      sendEmail,
      { cc: ['bob'] },
      { queue: 'mail', priority: 0, delay: '2m', runAt: due, state: 'pending', uniqueKey: 'ada', count: 1 },
    );
    await expect(kit.expectEnqueued(sendEmail, payload as never, expected)).rejects.toThrow('to be enqueued');
  });

  it('sees the jobs of every scope', async () => {
    const kit = createTestKit();
    await scope.run({ orgId: 'acme' }, () => kit.engine.enqueue(sendEmail, { to: 'ada' }));
    const job = await scope.run({ orgId: 'other' }, () => kit.expectEnqueued(sendEmail, { to: 'ada' }));
    expect(job.scope).toEqual({ appId: '', orgId: 'acme' });
  });
});

describe('expectNotEnqueued', () => {
  it('passes when no job fits, and shows the one that does', async () => {
    const kit = createTestKit();
    await kit.expectNotEnqueued(sendEmail);
    const { id } = await kit.engine.enqueue(sendEmail, { to: 'ada' });
    await kit.expectNotEnqueued(sendEmail, { to: 'bob' });
    expect(await messageOf(kit.expectNotEnqueued(sendEmail, { to: 'ada' }))).toContain(id);
  });
});

describe('performJob', () => {
  it('runs the handler on a payload that was stored and read, and stores nothing', async () => {
    const kit = createTestKit();
    const seen: unknown[] = [];
    kit.engine.register(sendEmail, async (email, job) => {
      seen.push(email, job.attempt, job.queue, job.isFinalAttempt);
      job.progress(50);
      job.log('sending');
      return { id: 7 };
    });
    const performed = await kit.performJob(sendEmail, { to: 'ada', at: new Date(0) });
    expect(performed).toEqual({
      kind: 'completed',
      result: { id: 7 },
      progress: 50,
      logs: [{ level: 'info', message: 'sending' }],
    });
    expect(seen).toEqual([{ to: 'ada', at: '1970-01-01T00:00:00.000Z' }, 1, 'mail', false]);
    await kit.expectNotEnqueued(sendEmail);
  });

  it('says how a worker would settle what the handler throws', async () => {
    const kit = createTestKit({ maxRetries: 2, backoff: { type: 'linear', initial: '1s', max: '1h' } });
    const error = new Error('no route');
    kit.engine.register('fails', async () => {
      throw error;
    });
    expect(await kit.performJob('fails')).toMatchObject({ kind: 'retry', delayMs: 1_000, thrown: error });
    expect(await kit.performJob('fails', undefined, { attempt: 2 })).toMatchObject({ kind: 'retry', delayMs: 2_000 });
    expect(await kit.performJob('fails', undefined, { attempt: 3 })).toMatchObject({
      kind: 'failed',
      error: { message: 'no route' },
    });
  });

  it('gives the handler the scope and headers asked for, through the middleware', async () => {
    const around: string[] = [];
    const kit = createTestKit({
      middleware: [
        async (job, next) => {
          around.push(job.name);
          return next();
        },
      ],
    });
    kit.engine.register('whose', async (_payload, { headers }) => ({ scope: scope.capture(), headers }));
    const options = { scope: { orgId: 'acme' }, headers: { 'x-request': '7' } };
    expect(await kit.performJob('whose', undefined, options)).toMatchObject({
      result: { scope: { appId: '', orgId: 'acme' }, headers: { 'x-request': '7' } },
    });
    expect(around).toEqual(['whose']);
  });

  it('says what is missing', async () => {
    const kit = createTestKit();
    expect(await messageOf(kit.performJob('unknown'))).toContain('no handler for the job "unknown"');
    kit.engine.register('known', async () => undefined);
    expect(await messageOf(kit.performJob('known', 1, { attempt: 0 }))).toContain('"attempt" must be');
    expect(await messageOf(kit.performJob(7 as never, {}))).toContain('named by a definition');
  });
});

describe('the test kit', () => {
  it('is refused beside the engine’s own worker, and accepts an engine that only enqueues', async () => {
    const kit = createTestKit();
    kit.engine.register('job', async () => undefined);
    await kit.engine.start();
    expect(await messageOf(kit.drain())).toContain('set autoStart: false');
    await kit.engine.stop();
    const producer = createTestKit({ worker: false });
    await producer.engine.start();
    expect(await producer.drain()).toEqual([]);
    await producer.engine.stop();
  });

  it('is refused on an engine with another clock', async () => {
    const engine = createEngine({ store: { type: 'memory' } });
    expect(await messageOf(new TestKit(engine, new TestClock()).drain())).toContain('must have its clock');
  });

  it('gives up on jobs that enqueue each other without end', async () => {
    const kit = createTestKit();
    kit.engine.register('ping', () => kit.engine.enqueue('ping'));
    await kit.engine.enqueue('ping');
    expect(await messageOf(kit.drain())).toContain('jobs such as "ping" enqueue each other');
  });

  it('leaves no timer behind', async () => {
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const kit = createTestKit();
    kit.engine.register(sendEmail, async () => ({ id: 1 }));
    kit.engine.on('jobCompleted', () => new Promise((resolve) => setImmediate(resolve)));
    await kit.engine.enqueue(sendEmail, { to: 'ada' });
    await kit.drain();
    expect(kit.clock.pendingTimers).toBe(0);
    expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length).toBe(before);
  });
});
