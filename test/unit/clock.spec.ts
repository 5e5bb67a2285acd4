import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Duration, toMs } from '../../lib/clock/duration.js';
import { systemClock } from '../../lib/clock/system-clock.js';
import { TookTooLongError, within } from '../../lib/clock/within.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { deferred } from '../support/deferred.js';

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['0s', 0],
    ['2 h', 7_200_000],
    [1.4, 1],
    [0, 0],
  ] as const)('%s is %i ms', (text, ms) => {
    expect(toMs(text as Duration)).toBe(ms);
  });

  it.each(['', '5', 'm', '-5s', '5y', '5 s ', '1e3s', '0x10ms', '.5s', '5S', ' 5s', '5s5m'])(
    '%o is refused',
    (text) => {
      expect(() => toMs(text as Duration, 'lease')).toThrow(`(got ${JSON.stringify(text)})`);
    },
  );

  it.each([
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [-1, '-1'],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'boolean'],
    [5n, 'bigint'],
    [{}, 'object'],
    [Symbol('s'), 'symbol'],
  ])('%s is refused by the name of the option and the value', (value, shown) => {
    expect(() => toMs(value as never, 'lease')).toThrow(TypeError);
    expect(() => toMs(value as never, 'lease')).toThrow(/"lease"/);
    expect(() => toMs(value as never, 'lease')).toThrow(shown);
  });

  it('longer than a store can add to its clock are refused', () => {
    expect(() => toMs(1e300, 'delay')).toThrow(/"delay"/);
    expect(() => toMs('99999999999w', 'delay')).toThrow(/"delay"/);
    expect(toMs('5000w')).toBe(5_000 * 604_800_000);
  });

  it('are whole milliseconds for every number and unit', () => {
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
    fc.assert(
      fc.property(fc.nat({ max: 5_000 }), fc.constantFrom(...Object.entries(units)), (n, [unit, factor]) => {
        expect(toMs(`${n}${unit as keyof typeof units}`)).toBe(n * factor);
      }),
    );
  });
});

describe('the system clock', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('never goes backwards by its monotonic time', () => {
    const times = Array.from({ length: 100 }, () => systemClock.monotonic());
    expect([...times].sort((a, b) => a - b)).toEqual(times);
  });

  it('leaves the time to the stores', () => {
    expect(systemClock.overridesStore).toBe(false);
  });

  it('fires a timer once, at its moment', () => {
    const fired = vi.fn();
    systemClock.setTimer(1_000, fired);
    vi.advanceTimersByTime(999);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps a timer that is longer than Node can hold until its moment', () => {
    const fired = vi.fn();
    const days = 60 * 86_400_000;
    systemClock.setTimer(days, fired, { keepAlive: true });
    vi.advanceTimersByTime(days - 1);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('cancels a long timer after part of it has passed', () => {
    const fired = vi.fn();
    const timer = systemClock.setTimer(60 * 86_400_000, fired);
    vi.advanceTimersByTime(30 * 86_400_000);
    timer.cancel();
    timer.cancel();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(60 * 86_400_000);
    expect(fired).not.toHaveBeenCalled();
  });

  it('fires a timer of a time that has passed at once', () => {
    const fired = vi.fn();
    systemClock.setTimer(-5, fired);
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledTimes(1);
  });
});

describe('a time limit', () => {
  it('lets an answer in time through and leaves no timer', async () => {
    const clock = new TestClock();
    await expect(within(clock, 100, Promise.resolve('answer'))).resolves.toBe('answer');
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets a refusal in time through and leaves no timer', async () => {
    const clock = new TestClock();
    await expect(within(clock, 100, Promise.reject(new Error('no')))).rejects.toThrow('no');
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends the waiting when it is over, and drops what comes later', async () => {
    const clock = new TestClock();
    const late = deferred<string>();
    const limited = within(clock, 100, late.promise);
    const outcome = expect(limited).rejects.toThrow(TookTooLongError);
    await clock.advance(100);
    await outcome;
    late.reject(new Error('too late to matter'));
    await clock.advance(0);
    await expect(limited).rejects.toThrow('no answer within 100 ms');
  });
});

describe('the test clock', () => {
  it('fires timers in the order of their moments, then of their making', async () => {
    const clock = new TestClock(0);
    const fired: string[] = [];
    clock.setTimer(20, () => fired.push('c'));
    clock.setTimer(10, () => fired.push('a'));
    clock.setTimer(10, () => fired.push('b'));
    await clock.advance(20);
    expect(fired).toEqual(['a', 'b', 'c']);
  });

  it('shows each timer its own moment', async () => {
    const clock = new TestClock(1_000);
    const seen: number[] = [];
    for (const ms of [30, 10, 20]) clock.setTimer(ms, () => seen.push(clock.now()));
    await clock.advance('1s');
    expect(seen).toEqual([1_010, 1_020, 1_030]);
    expect(clock.now()).toBe(2_000);
  });

  it('fires timers that a timer sets, when they are due within the same move', async () => {
    const clock = new TestClock(0);
    const seen: number[] = [];
    const tick = (): void => {
      seen.push(clock.now());
      clock.setTimer(10, tick);
    };
    clock.setTimer(10, tick);
    await clock.advance(35);
    expect(seen).toEqual([10, 20, 30]);
    expect(clock.pendingTimers).toBe(1);
  });

  it('lets promises settle between two timers', async () => {
    const clock = new TestClock(0);
    const seen: string[] = [];
    clock.setTimer(1, () => void Promise.resolve().then(() => seen.push('after the first')));
    clock.setTimer(2, () => seen.push('second'));
    await clock.advance(2);
    expect(seen).toEqual(['after the first', 'second']);
  });

  it('does not fire a cancelled timer', async () => {
    const clock = new TestClock();
    const fired = vi.fn();
    const timer = clock.setTimer(5, fired);
    timer.cancel();
    await clock.advance('1d');
    expect(fired).not.toHaveBeenCalled();
  });

  it('gives the same random numbers for the same seed, from 0 to 1', () => {
    const draw = (seed: number): number[] => {
      const clock = new TestClock(0, seed);
      return Array.from({ length: 100 }, () => clock.random());
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(7).every((value) => value >= 0 && value < 1)).toBe(true);
  });

  it('moves without firing when it is set', () => {
    const clock = new TestClock(0);
    const fired = vi.fn();
    clock.setTimer(5, fired);
    clock.set(new Date(1_000));
    expect(clock.now()).toBe(1_000);
    expect(fired).not.toHaveBeenCalled();
  });
});
