import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { InvalidOptionsError } from '../../lib/errors.js';
import { newDlqId, newJobId, newWorkerId } from '../../lib/id/ids.js';
import type { JobConflict } from '../../lib/job/job-store.js';
import { toJobRecord } from '../../lib/job/to-job-record.js';
import { checkLimit, checkOffset, decodeCursor, encodeCursor } from '../../lib/store/cursor.js';
import type { Wake } from '../../lib/store/store.js';
import { WakeHub } from '../../lib/store/wake-hub.js';
import { WakeList } from '../../lib/store/wake-list.js';
import { wakesOfInsert } from '../../lib/store/wakes-of-insert.js';
import { newJob } from '../../lib/testing/store-contract/fixtures.js';

describe('cursors', () => {
  it('give back the time and id they were made of', () => {
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), fc.boolean(), (at, dlq) => {
        const keyset = { at, id: dlq ? newDlqId() : newJobId() };
        expect(decodeCursor(encodeCursor(keyset), dlq ? 'dlq' : 'job')).toEqual(keyset);
      }),
    );
  });

  it('are safe in a URL', () => {
    expect(encodeCursor({ at: 1_900_000_000_000, id: newJobId() })).toMatch(/^[\w-]+$/);
  });

  it('that are not ours are refused and nothing else is thrown', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string()), (text) => {
        expect(() => decodeCursor(text, 'job')).toThrow(InvalidOptionsError);
      }),
    );
    for (const text of ['-1:job_x', '5:job_short', `5:JOB_${'0'.repeat(26)}`, `1e9:job_${'0'.repeat(26)}`]) {
      expect(() => decodeCursor(Buffer.from(text).toString('base64url'), 'job')).toThrow(/"cursor"/);
    }
  });

  it('of another list are refused, saying so', () => {
    expect(() => decodeCursor(encodeCursor({ at: 5, id: newDlqId() }), 'job')).toThrow(
      /"cursor" is one of another list/,
    );
    expect(() => decodeCursor(encodeCursor({ at: 5, id: newJobId() }), 'dlq')).toThrow(InvalidOptionsError);
  });

  it.each([undefined, null, 5, {}, []])('of another type (%j) are refused the same way', (value) => {
    expect(() => decodeCursor(value as never, 'job')).toThrow(InvalidOptionsError);
  });
});

describe('limits and offsets', () => {
  it('have defaults', () => {
    expect(checkLimit()).toBe(50);
    expect(checkOffset()).toBe(0);
  });

  it.each([0, 1, 1_000])('a limit of %i is taken', (limit) => expect(checkLimit(limit)).toBe(limit));

  it.each([-1, 1_001, 0.5, Number.NaN, '5', null])('a limit of %s is refused by name and value', (limit) => {
    expect(() => checkLimit(limit as never)).toThrow(InvalidOptionsError);
    expect(() => checkLimit(limit as never)).toThrow(
      `"limit" must be a whole number from 0 to 1000 (got ${String(limit)})`,
    );
  });

  it.each([-1, 0.5, Number.NaN, '5', null])('an offset of %s is refused by name and value', (offset) => {
    expect(() => checkOffset(offset as never)).toThrow(InvalidOptionsError);
    expect(() => checkOffset(offset as never)).toThrow(
      `"offset" must be a whole number of at least 0 (got ${String(offset)})`,
    );
  });
});

describe('the wake hub', () => {
  const wake: Wake = { kind: 'ready', queues: ['a'] };

  it('tells every listener, whatever another one does', () => {
    const errors: unknown[] = [];
    const hub = new WakeHub((error) => errors.push(error));
    const heard = vi.fn();
    hub.add(() => {
      throw new Error('broken');
    });
    hub.add(heard);
    hub.emit(wake);
    expect(heard).toHaveBeenCalledExactlyOnceWith(wake);
    expect(errors).toEqual([new Error('broken')]);
  });

  it('forgets a listener that was removed, and all of them when it is cleared', () => {
    const hub = new WakeHub();
    const [a, b] = [vi.fn(), vi.fn()];
    const remove = hub.add(a);
    hub.add(b);
    remove();
    expect(hub.size).toBe(1);
    hub.emit(wake);
    hub.clear();
    hub.emit(wake);
    expect(a).not.toHaveBeenCalled();
    expect(b).toHaveBeenCalledTimes(1);
    expect(hub.size).toBe(0);
  });
});

describe('the wake-ups of an insert', () => {
  const NOW = 10_000;
  const wakes = (jobs: Parameters<typeof newJob>[0][], conflicts = new Map<number, JobConflict>()): readonly Wake[] =>
    wakesOfInsert(jobs.map(newJob), { now: NOW, conflicts });
  const holder = toJobRecord(newJob(), NOW);

  it('are none for nothing', () => {
    expect(wakes([])).toEqual([]);
  });

  it('name each queue with due jobs once', () => {
    expect(wakes([{ queue: 'a' }, { queue: 'b' }, { queue: 'a', runAt: NOW }, { queue: 'c', runAt: NOW - 5 }])).toEqual(
      [{ kind: 'ready', queues: ['a', 'b', 'c'] }],
    );
  });

  it('name queues with deferred jobs apart, with the time of the earliest', () => {
    expect(wakes([{ queue: 'a', delayMs: 500 }, { queue: 'b', runAt: NOW + 200 }, { queue: 'c' }])).toEqual([
      { kind: 'ready', queues: ['c'] },
      { kind: 'ready', queues: ['a', 'b'], inMs: 200 },
    ]);
  });

  it('prefer the absolute time to the delay', () => {
    expect(wakes([{ runAt: NOW + 5, delayMs: 0 }])).toEqual([{ kind: 'ready', queues: ['default'], inMs: 5 }]);
  });

  it('leave out jobs that were not inserted, and keep those that replaced another', () => {
    expect(wakes([{ queue: 'a' }, { queue: 'b' }], new Map([[0, { kind: 'existing', job: holder }]]))).toEqual([
      { kind: 'ready', queues: ['b'] },
    ]);
    expect(wakes([{ queue: 'a' }], new Map([[0, { kind: 'replaced', job: holder }]]))).toEqual([
      { kind: 'ready', queues: ['a'] },
    ]);
  });
});

describe('the wake-ups of one call', () => {
  it('are one for due jobs, one for the earliest of the others, and every cancel', () => {
    const list = new WakeList();
    expect(list.wakes).toEqual([]);
    const cancels = [1, 2].map(() => ({ jobId: newJobId(), workerId: newWorkerId() }));
    for (const { jobId, workerId } of cancels) list.cancel(jobId, workerId);
    list.ready('a', 700);
    list.ready('b', 300);
    list.ready('c', 0);
    list.ready('c', -5);
    expect(list.wakes).toEqual([
      { kind: 'ready', queues: ['c'] },
      { kind: 'ready', queues: ['a', 'b'], inMs: 300 },
      ...cancels.map((cancel) => ({ kind: 'cancel', ...cancel })),
    ]);
  });
});
