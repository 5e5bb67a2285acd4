import { describe, expect, it, vi } from 'vitest';
import { type LifecycleEvents, LifecycleEmitter } from '../../lib/ext/lifecycle.js';
import { newJobId } from '../../lib/id/ids.js';
import type { Job } from '../../lib/job/job.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { deferred } from '../support/deferred.js';

const lost = (name = 'send'): LifecycleEvents['jobLost'] => ({ jobId: newJobId(), name, attempt: 1 });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setup() {
  const errors: string[] = [];
  const emitter = new LifecycleEmitter((event, error) => errors.push(`${event}: ${String(error)}`));
  return { emitter, errors, clock: new TestClock(0) };
}

describe('lifecycle listeners', () => {
  it('hear the events of their name, in order', async () => {
    const { emitter } = setup();
    const heard: string[] = [];
    emitter.on('jobLost', ({ name }) => heard.push(name));
    emitter.on('shutdown', () => heard.push('shutdown'));
    for (const name of ['a', 'b', 'c']) emitter.emit('jobLost', lost(name));
    await turn();
    expect(heard).toEqual(['a', 'b', 'c']);
  });

  it('do not run inside the call that emits', () => {
    const { emitter } = setup();
    const listener = vi.fn();
    emitter.on('jobLost', listener);
    emitter.emit('jobLost', lost());
    expect(listener).not.toHaveBeenCalled();
  });

  it('are kept apart: one that throws, rejects or never returns stops no other', async () => {
    const { emitter, errors } = setup();
    const heard: string[] = [];
    emitter.on('jobLost', () => {
      throw new Error('thrown');
    });
    emitter.on('jobLost', async () => Promise.reject('rejected'));
    emitter.on('jobLost', () => new Promise(() => undefined));
    emitter.on('jobLost', ({ name }) => heard.push(name));
    emitter.emit('jobLost', lost('a'));
    emitter.emit('jobLost', lost('b'));
    await turn();
    expect(heard).toEqual(['a', 'b']);
    expect(errors.sort()).toEqual([
      'jobLost: Error: thrown',
      'jobLost: Error: thrown',
      'jobLost: rejected',
      'jobLost: rejected',
    ]);
  });

  it('hear of a job that was handed out before its insert was answered in order all the same', async () => {
    const { emitter } = setup();
    const heard: string[] = [];
    emitter.on('jobEnqueued', ({ job }) => heard.push(`enqueued ${job.name}`));
    emitter.on('jobLost', ({ name }) => heard.push(`lost ${name}`));
    const [mine, answered] = [lost('mine'), deferred()];
    const insert = emitter.enqueuing(
      () => [mine.jobId],
      async () => {
        await answered.promise;
        emitter.emit('jobEnqueued', { job: { id: mine.jobId, name: 'mine' } as Job });
      },
    );
    emitter.emit('jobLost', mine);
    emitter.emit('jobLost', lost('other'));
    await turn();
    expect(heard).toEqual(['lost other']);
    answered.resolve();
    await insert;
    emitter.emit('jobLost', mine);
    await turn();
    expect(heard).toEqual(['lost other', 'enqueued mine', 'lost mine', 'lost mine']);
  });

  it('are told what was held back when the insert fails', async () => {
    const { emitter } = setup();
    const heard: string[] = [];
    emitter.on('jobEnqueued', () => undefined);
    emitter.on('jobLost', ({ name }) => heard.push(name));
    const mine = lost('mine');
    const insert = emitter.enqueuing(
      () => [mine.jobId],
      async () => {
        emitter.emit('jobLost', mine);
        return Promise.reject(new Error('no answer'));
      },
    );
    await expect(insert).rejects.toThrow('no answer');
    await turn();
    expect(heard).toEqual(['mine']);
  });

  it('can be removed, twice without harm', async () => {
    const { emitter } = setup();
    const [gone, stays] = [vi.fn(), vi.fn()];
    const remove = emitter.on('jobLost', gone);
    const removeOther = emitter.on('jobLost', stays);
    remove();
    remove();
    expect(emitter.has('jobLost')).toBe(true);
    emitter.emit('jobLost', lost());
    await turn();
    expect(gone).not.toHaveBeenCalled();
    expect(stays).toHaveBeenCalledTimes(1);
    removeOther();
    expect(emitter.has('jobLost')).toBe(false);
  });

  it('are not taken away by the second removal of an earlier one', async () => {
    const { emitter } = setup();
    const removeFirst = emitter.on('jobLost', () => undefined);
    removeFirst();
    const listener = vi.fn();
    emitter.on('jobLost', listener);
    removeFirst();
    expect(emitter.has('jobLost')).toBe(true);
    emitter.emit('jobLost', lost());
    await turn();
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it('may add listeners while they listen', async () => {
    const { emitter } = setup();
    const later = vi.fn();
    emitter.on('jobLost', () => void emitter.on('jobLost', later));
    emitter.emit('jobLost', lost());
    await turn();
    expect(later).not.toHaveBeenCalled();
    emitter.emit('jobLost', lost());
    await turn();
    expect(later).toHaveBeenCalledTimes(1);
  });

  it('are none until there is one', () => {
    const { emitter } = setup();
    expect(emitter.has('jobLost')).toBe(false);
    emitter.emit('jobLost', lost());
    emitter.on('jobLost', () => undefined);
    expect(emitter.has('jobLost')).toBe(true);
    expect(emitter.has('jobDlq')).toBe(false);
  });
});

describe('waiting for listeners', () => {
  it('ends when those that were called have returned', async () => {
    const { emitter, clock } = setup();
    const gate = deferred();
    emitter.on('jobLost', () => gate.promise);
    emitter.emit('jobLost', lost());
    let settled = false;
    const waiting = emitter.settled(clock, 1_000).then(() => (settled = true));
    await clock.advance(10);
    expect(settled).toBe(false);
    gate.resolve();
    await waiting;
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends when its time is over, whatever the listeners do', async () => {
    const { emitter, clock } = setup();
    emitter.on('jobLost', () => new Promise(() => undefined));
    emitter.emit('jobLost', lost());
    const waiting = emitter.settled(clock, 1_000);
    await clock.advance(1_000);
    await waiting;
  });

  it('ends at once when nothing is under way, without a timer', async () => {
    const { emitter, clock, errors } = setup();
    await emitter.settled(clock, 1_000);
    expect(clock.pendingTimers).toBe(0);
    emitter.on('jobLost', async () => Promise.reject(new Error('broken')));
    emitter.emit('jobLost', lost());
    await emitter.settled(clock, 1_000);
    expect(errors).toEqual(['jobLost: Error: broken']);
  });
});
