import { describe, expect, it } from 'vitest';
import { InvalidOptionsError, StoreUnavailableError } from '../../lib/errors.js';
import type { Store } from '../../lib/store/store.js';
import { createMemoryStore } from '../../lib/store/memory/memory-store.js';
import { type FailpointName, Failpoints } from '../../lib/testing/failpoints/failpoints.js';
import { withFailpoints } from '../../lib/testing/failpoints/with-failpoints.js';
import { newJob } from '../../lib/testing/store-contract/fixtures.js';

describe('failpoints', () => {
  const inner = createMemoryStore();
  const failpoints = new Failpoints();
  const store = withFailpoints(inner, failpoints);
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(inner)).filter(
    (name) => !['constructor', 'onWake', 'run'].includes(name),
  ) as (keyof Store)[];

  it('lie around every method of a store that returns a promise', async () => {
    expect(methods.length).toBeGreaterThan(20);
    for (const method of methods) {
      for (const name of [`before:${method}`, `after:${method}`] as FailpointName[]) {
        failpoints.set(name, 'throw');
        const obliging = Object.assign(Object.create(inner) as Store, { [method]: async () => undefined });
        const spoilt = withFailpoints(obliging, failpoints);
        await expect((spoilt[method] as () => Promise<unknown>)()).rejects.toThrow(name);
        expect(failpoints.hits(name)).toBe(1);
      }
    }
  });

  it('cost nothing while none is set: the store’s own promise is what the caller gets', () => {
    const answer = Promise.resolve(7);
    const bare = Object.assign(Object.create(inner) as Store, { ping: () => answer });
    const fresh = new Failpoints();
    expect(withFailpoints(bare, fresh).ping()).toBe(answer);
    fresh.set('before:claimJobs', 'throw');
    expect(withFailpoints(bare, fresh).ping()).not.toBe(answer);
    fresh.clear();
    expect(withFailpoints(bare, fresh).ping()).toBe(answer);
  });

  it('fail a call before it reaches the store, or lose its answer after', async () => {
    const [never, done] = [newJob(), newJob()];
    failpoints.set('before:insertJobs', 'throw');
    await expect(store.insertJobs([never])).rejects.toThrow(StoreUnavailableError);
    expect(await store.getJob(never.id)).toBeNull();
    failpoints.set('after:insertJobs', new RangeError('lost'));
    await expect(store.insertJobs([done])).rejects.toThrow(RangeError);
    expect(await store.getJob(done.id)).not.toBeNull();
    await store.insertJobs([never]);
  });

  it('let calls pass first, and happen as often as they are told', async () => {
    failpoints.set('before:ping', 'throw', { skip: 1, times: 2 });
    const answers = [];
    for (let call = 0; call < 4; call++) answers.push((await Promise.allSettled([store.ping()]))[0].status);
    expect(answers).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
  });

  it('hold a call until they are cleared', async () => {
    const job = newJob();
    failpoints.set('before:insertJobs', 'hang');
    const insert = store.insertJobs([job]);
    await failpoints.reached('before:insertJobs', 2);
    expect(await inner.getJob(job.id)).toBeNull();
    failpoints.clear('after:insertJobs');
    expect(await inner.getJob(job.id)).toBeNull();
    failpoints.clear('before:insertJobs');
    await insert;
    expect(await inner.getJob(job.id)).not.toBeNull();
  });

  it('call a function with the arguments of the call', async () => {
    const seen: unknown[] = [];
    failpoints.set('before:countJobs', ([options]) => seen.push(options));
    await store.countJobs({ queue: 'mail' });
    expect(seen).toEqual([{ queue: 'mail' }]);
  });

  it('can be written as a text', async () => {
    const parsed = Failpoints.fromText('after:ping=throw@1*, before:countJobs=throw');
    const spoilt = withFailpoints(inner, parsed);
    await spoilt.ping();
    await expect(spoilt.ping()).rejects.toThrow('after:ping');
    await expect(spoilt.ping()).rejects.toThrow('after:ping');
    await expect(spoilt.countJobs()).rejects.toThrow('before:countJobs');
    await spoilt.countJobs();
    expect(Failpoints.fromText('').armed).toBe(false);
  });

  it('refuse names and texts that they do not know, and say which there are', () => {
    expect(() => failpoints.set('before:claimJob' as FailpointName, 'throw')).toThrow('no failpoint "before:claimJob"');
    expect(() => failpoints.set('around:claimJobs' as FailpointName, 'throw')).toThrow(InvalidOptionsError);
    expect(() => failpoints.set('before:onWake' as FailpointName, 'throw')).toThrow(InvalidOptionsError);
    expect(() => withFailpoints(inner, Failpoints.fromText('after:claim=kill'))).toThrow('no failpoint "after:claim"');
    expect(() => Failpoints.fromText('before:ping=explode')).toThrow('"before:ping=explode" is not understood');
  });

  it('leave listeners and properties of the store alone, and no way around them', async () => {
    expect(store.kind).toBe('memory');
    expect(store.pulse).toBeUndefined();
    const heard: unknown[] = [];
    const stop = store.onWake((wake) => heard.push(wake));
    await store.insertJobs([newJob()]);
    stop();
    expect(heard).toHaveLength(1);
  });
});
