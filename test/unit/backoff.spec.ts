import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BackoffSpec,
  constantBackoff,
  defaultBackoff,
  exponentialBackoff,
  exponentialBackoffWithJitter,
  linearBackoff,
  toBackoffSpec,
  toBackoffStrategy,
} from '../../lib/backoff/backoff.js';

const specs: fc.Arbitrary<BackoffSpec> = fc
  .record(
    {
      type: fc.constantFrom('constant' as const, 'linear' as const, 'exponential' as const),
      initial: fc.nat({ max: 10_000_000 }),
      extra: fc.option(fc.nat({ max: 1_000_000_000 }), { nil: undefined }),
      jitter: fc.constantFrom('full' as const, 'none' as const, undefined),
    },
    { requiredKeys: ['type', 'initial'] },
  )
  .map(({ type, initial, extra, jitter }) => ({
    type,
    initial,
    ...(extra === undefined ? {} : { max: initial + extra }),
    ...(jitter === undefined ? {} : { jitter }),
  }));

describe('backoff strategies', () => {
  it.each([
    ['constant', constantBackoff('2s'), [2_000, 2_000, 2_000, 2_000]],
    ['linear', linearBackoff('1s', '3s'), [1_000, 2_000, 3_000, 3_000]],
    ['exponential', exponentialBackoff('1s', '5s'), [1_000, 2_000, 4_000, 5_000]],
    ['exponential without a wait', exponentialBackoff(0, 0), [0, 0, 0, 0]],
  ])('%s: the first delays', (_name, strategy, delays) => {
    expect([1, 2, 3, 4].map((attempt) => strategy.delay(attempt))).toEqual(delays);
  });

  it('count attempts below one as the first', () => {
    expect([-5, 0, 1].map((attempt) => exponentialBackoff(100, 1_000).delay(attempt))).toEqual([100, 100, 100]);
  });

  it('stay between zero and their longest delay at every attempt, a billion included', () => {
    fc.assert(
      fc.property(
        specs,
        fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constantFrom(1_023, 1_024, 1e9, Number.MAX_SAFE_INTEGER)),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (spec, attempt, random) => {
          const strategy = toBackoffStrategy(spec);
          const delay = strategy.delay(attempt, random);
          expect(Number.isInteger(delay)).toBe(true);
          expect(delay).toBeGreaterThanOrEqual(0);
          expect(delay).toBeLessThanOrEqual(toBackoffSpec(spec)!.max as number);
        },
      ),
    );
  });

  it('never grow shorter from attempt to attempt without jitter', () => {
    fc.assert(
      fc.property(specs, fc.integer({ min: 1, max: 2_000 }), (spec, attempt) => {
        const strategy = toBackoffStrategy({ ...spec, jitter: 'none' });
        expect(strategy.delay(attempt + 1)).toBeGreaterThanOrEqual(strategy.delay(attempt));
      }),
    );
  });

  it('with jitter spread from zero to the delay without it', () => {
    fc.assert(
      fc.property(
        specs,
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (spec, attempt, random) => {
          const ceiling = toBackoffStrategy({ ...spec, jitter: 'none' }).delay(attempt);
          expect(toBackoffStrategy({ ...spec, jitter: 'full' }).delay(attempt, random)).toBe(
            Math.round(ceiling * random),
          );
        },
      ),
    );
    const strategy = exponentialBackoffWithJitter('1s', '1m');
    expect(strategy.delay(3, 0)).toBe(0);
    expect(strategy.delay(3, 1)).toBe(4_000);
  });

  it('draw their own number when none is given', () => {
    const delays = Array.from({ length: 200 }, () => exponentialBackoffWithJitter('1m', '1m').delay(1));
    expect(new Set(delays).size).toBeGreaterThan(1);
    expect(delays.every((delay) => delay >= 0 && delay <= 60_000)).toBe(true);
  });

  it('survive being stored as data', () => {
    fc.assert(
      fc.property(
        specs,
        fc.integer({ min: 1, max: 64 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (spec, attempt, random) => {
          const stored = JSON.parse(JSON.stringify(toBackoffSpec(spec))) as BackoffSpec;
          expect(toBackoffStrategy(stored).delay(attempt, random)).toBe(toBackoffStrategy(spec).delay(attempt, random));
          expect(toBackoffSpec(stored)).toEqual(toBackoffSpec(spec));
        },
      ),
    );
  });

  it('by default double from one second to one minute, with full jitter', () => {
    expect(toBackoffSpec(defaultBackoff())).toEqual({
      type: 'exponential',
      initial: 1_000,
      max: 60_000,
      jitter: 'full',
    });
  });

  it('keep an initial delay that is longer than the default longest one', () => {
    expect(toBackoffStrategy({ type: 'exponential', initial: '2h' }).delay(5)).toBe(7_200_000);
  });

  it('written by hand are taken as they are, and cannot be stored', () => {
    const own = { delay: () => 5 };
    expect(toBackoffStrategy(own)).toBe(own);
    expect(toBackoffSpec(own)).toBeUndefined();
  });

  it.each([
    [{ type: 'constant', initial: -1 }, /"backoff\.initial".*got -1/],
    [{ type: 'constant', initial: 'soon' }, /"backoff\.initial".*got "soon"/],
    [{ type: 'linear', initial: '1s', max: Number.NaN }, /"backoff\.max".*got NaN/],
    [{ type: 'linear', initial: '2s', max: '1s' }, /"backoff\.max".*got 1000 ms and 2000 ms/],
    [{ type: 'linear', initial: '1s', jitter: 'some' }, /"backoff\.jitter".*got "some"/],
    [{ type: 'fibonacci', initial: 1 }, /"backoff".*got .*fibonacci/],
    [null, /"backoff".*got null/],
    [undefined, /"backoff".*got undefined/],
    ['5s', /"backoff".*got "5s"/],
  ])('%j is refused by the name of the option and the value', (spec, message) => {
    expect(() => toBackoffStrategy(spec as never)).toThrow(TypeError);
    expect(() => toBackoffStrategy(spec as never)).toThrow(message);
  });
});
