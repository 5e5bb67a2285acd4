import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, it } from 'vitest';
import { DlqEntryNotFoundError, JobNotFoundError, ScopeRequiredError } from '../../lib/errors.js';
import { NonRetryableError } from '../../lib/job/control-outcomes.js';
import { scope } from '../../lib/scope/scope.js';
import { describeOnEachStore } from '../support/each-store.js';
import { reached } from '../support/job-states.js';
import { until } from '../support/until.js';

const RED = { appId: 'shop', orgId: 'red' };
const BLUE = { appId: 'shop', orgId: 'blue' };

describeOnEachStore('a tenant never sees the data of another', (given) => {
  it('a handler sees the scope its job was enqueued in, and none when there was none', async () => {
    const engine = given().engine();
    const seen: unknown[] = [];
    engine.register('greet', async (name, job) => {
      seen.push([name, scope.capture(), job.scope]);
      await Promise.resolve();
      seen.push([name, scope.capture()]);
    });
    await engine.start();
    const scoped = await scope.run(RED, () => engine.enqueue('greet', 'scoped'));
    await reached(engine, scoped.id, 'completed');
    const given2 = await engine.enqueue('greet', 'given', { scope: BLUE });
    await reached(engine, given2.id, 'completed');
    const plain = await engine.enqueue('greet', 'plain');
    await reached(engine, plain.id, 'completed');
    expect(seen).toEqual([
      ['scoped', RED, RED],
      ['scoped', RED],
      ['given', BLUE, BLUE],
      ['given', BLUE],
      ['plain', undefined, undefined],
      ['plain', undefined],
    ]);
  });

  it('what a handler enqueues belongs to the scope of its job', async () => {
    const engine = given().engine();
    const children: string[] = [];
    engine.register('parent', async () => void children.push((await engine.enqueue('child')).id));
    await engine.start();
    const parent = await engine.enqueue('parent', null, { scope: RED });
    await reached(engine, parent.id, 'completed');
    expect((await engine.jobs.get(children[0]!))?.scope).toEqual(RED);
  });

  it('jobs that run at the same time keep their scopes apart', async () => {
    const engine = given().engine({ concurrency: 20 });
    const seen = new Map<string, unknown>();
    let under = 0;
    engine.register('greet', async (_, { id }) => {
      under += 1;
      await until('all run together', () => under === 20);
      seen.set(id, scope.capture());
    });
    const jobs = await engine.enqueueMany(
      Array.from({ length: 20 }, (_, index) => ({ job: 'greet', scope: { appId: 'shop', orgId: `org ${index}` } })),
    );
    await engine.start();
    for (const { id } of jobs) await reached(engine, id, 'completed');
    for (const [index, { id }] of jobs.entries())
      expect(seen.get(id)).toEqual({ appId: 'shop', orgId: `org ${index}` });
  });

  it('the context of the enqueuer does not leak into the handler', async () => {
    const request = new AsyncLocalStorage<string>();
    const engine = given().engine();
    const seen: unknown[] = [];
    engine.on('jobCompleted', () => seen.push(request.getStore()));
    await request.run('the one that starts', () => engine.start());
    request.run('the one that registers', () => engine.register('greet', () => void seen.push(request.getStore())));
    for (const name of ['first', 'second']) {
      const { id } = await request.run(`request ${name}`, () => scope.run(RED, () => engine.enqueue('greet', name)));
      await reached(engine, id, 'completed');
    }
    const { id } = await request.run('request third', () => engine.enqueue('greet', null, { delay: 20 }));
    await reached(engine, id, 'completed');
    await until('all were told', () => seen.length === 6);
    expect(seen).toEqual([undefined, undefined, undefined, undefined, undefined, undefined]);
  });

  it('reads and actions of another scope find nothing', async () => {
    const engine = given().engine({ worker: false });
    const red = await scope.run(RED, () => engine.enqueue('greet'));
    const plain = await engine.enqueue('greet');
    await scope.run(BLUE, async () => {
      expect(await engine.jobs.get(red.id)).toBeNull();
      expect(await engine.jobs.get(plain.id)).toBeNull();
      expect((await engine.jobs.list()).jobs).toEqual([]);
      expect((await engine.jobs.counts()).pending).toBe(0);
      await expect(engine.jobs.cancel(red.id)).rejects.toThrow(JobNotFoundError);
      await expect(engine.jobs.retry(red.id)).rejects.toThrow(JobNotFoundError);
      await expect(engine.jobs.discard(red.id)).rejects.toThrow(JobNotFoundError);
      await expect(engine.jobs.logs(red.id)).rejects.toThrow(JobNotFoundError);
    });
    expect((await engine.jobs.get(red.id, { scope: RED }))?.state).toBe('pending');
    expect((await engine.jobs.list()).jobs).toHaveLength(2);
    await scope.run(RED, async () => {
      expect((await engine.jobs.list()).jobs.map(({ id }) => id)).toEqual([red.id]);
      expect((await engine.jobs.counts()).pending).toBe(1);
      expect((await engine.jobs.cancel(red.id)).state).toBe('cancelled');
    });
  });

  it('dead letters of another scope cannot be seen, replayed or purged', async () => {
    const engine = given().engine();
    let broken = true;
    engine.register('greet', () => {
      if (broken) throw new NonRetryableError('no');
      return scope.capture();
    });
    await engine.start();
    const { id } = await scope.run(RED, () => engine.enqueue('greet'));
    await reached(engine, id, 'failed');
    const [entry] = (await engine.dlq.list({ scope: RED })).entries;
    await scope.run(BLUE, async () => {
      expect((await engine.dlq.list()).entries).toEqual([]);
      expect(await engine.dlq.get(entry!.id)).toBeNull();
      expect(await engine.dlq.count()).toBe(0);
      await expect(engine.dlq.replay(entry!.id)).rejects.toThrow(DlqEntryNotFoundError);
      expect(await engine.dlq.replayAll()).toBe(0);
      expect(await engine.dlq.purge(new Date(Date.now() + 3_600_000))).toBe(0);
    });
    broken = false;
    expect(await engine.dlq.replayAll({ scope: RED })).toBe(1);
    const { replayJobId } = (await engine.dlq.get(entry!.id))!;
    expect((await reached(engine, replayJobId!, 'completed')).result).toEqual(RED);
  });

  it('one unique key serves each scope on its own', async () => {
    const engine = given().engine({ worker: false });
    const enqueue = () => engine.enqueue('greet', null, { uniqueKey: 'daily' });
    const red = await scope.run(RED, enqueue);
    const blue = await scope.run(BLUE, enqueue);
    const plain = await enqueue();
    expect([red, blue, plain].map(({ enqueued }) => enqueued)).toEqual(['inserted', 'inserted', 'inserted']);
    const again = await scope.run(BLUE, enqueue);
    expect(again).toMatchObject({ id: blue.id, enqueued: 'existing' });
  });

  it('with scope.required, work without a scope is refused', async () => {
    const engine = given().engine({ worker: false, scope: { required: true } });
    await expect(engine.enqueue('greet')).rejects.toThrow(ScopeRequiredError);
    await expect(engine.enqueueMany([{ job: 'greet' }])).rejects.toThrow(ScopeRequiredError);
    await expect(engine.jobs.list()).rejects.toThrow(ScopeRequiredError);
    await expect(engine.jobs.counts()).rejects.toThrow(ScopeRequiredError);
    await expect(engine.dlq.list()).rejects.toThrow(ScopeRequiredError);
    await expect(engine.dlq.replayAll()).rejects.toThrow(ScopeRequiredError);
    const { id } = await scope.run(RED, () => engine.enqueue('greet'));
    await expect(engine.jobs.get(id)).rejects.toThrow(ScopeRequiredError);
    await expect(engine.jobs.cancel(id)).rejects.toThrow(ScopeRequiredError);
    expect((await engine.jobs.get(id, { scope: RED }))?.id).toBe(id);
  });
});
