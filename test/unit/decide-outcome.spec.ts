import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { constantBackoff } from '../../lib/backoff/backoff.js';
import { JobCancelledError, JobTimeoutError, PayloadValidationError, WorkerShutdownError } from '../../lib/errors.js';
import { isDlqId } from '../../lib/id/ids.js';
import { CancelJob, NonRetryableError, Snooze } from '../../lib/job/control-outcomes.js';
import type { Outcome } from '../../lib/job/outcome.js';
import { type Failure, decideOutcome } from '../../lib/worker/decide-outcome.js';

const THROWN = {
  error: () => new Error('broken'),
  text: () => 'broken',
  nothing: () => undefined,
  nonRetryable: () => new NonRetryableError('pointless'),
  invalid: () => new PayloadValidationError('send', [{ path: 'to', messages: ['wrong'] }]),
  cancelJob: () => new CancelJob('not needed'),
  snooze: () => new Snooze('5m'),
} as const;

const ABORTED = {
  no: () => undefined,
  timeout: () => new JobTimeoutError(1_000),
  cancelled: () => new JobCancelledError('job_x'),
  shutdown: () => new WorkerShutdownError(),
} as const;

type Thrown = keyof typeof THROWN;
type Aborted = keyof typeof ABORTED;

/** `retry` stands for a retry while retries are left, and for a failure when none is. */
const TABLE: Readonly<Record<Aborted, Readonly<Record<Thrown, Outcome['kind']>>>> = {
  no: {
    error: 'retry',
    text: 'retry',
    nothing: 'retry',
    nonRetryable: 'failed',
    invalid: 'failed',
    cancelJob: 'cancelled',
    snooze: 'snoozed',
  },
  timeout: {
    error: 'retry',
    text: 'retry',
    nothing: 'retry',
    nonRetryable: 'failed',
    invalid: 'failed',
    cancelJob: 'cancelled',
    snooze: 'retry',
  },
  cancelled: {
    error: 'cancelled',
    text: 'cancelled',
    nothing: 'cancelled',
    nonRetryable: 'cancelled',
    invalid: 'cancelled',
    cancelJob: 'cancelled',
    snooze: 'cancelled',
  },
  shutdown: {
    error: 'released',
    text: 'released',
    nothing: 'released',
    nonRetryable: 'failed',
    invalid: 'failed',
    cancelJob: 'cancelled',
    snooze: 'released',
  },
};

const cases = (Object.keys(ABORTED) as Aborted[]).flatMap((aborted) =>
  (Object.keys(THROWN) as Thrown[]).flatMap((thrown) =>
    [true, false].map((retriesLeft) => ({ aborted, thrown, retriesLeft })),
  ),
);

function decide(failure: Partial<Failure> = {}): Outcome {
  return decideOutcome({
    thrown: new Error('broken'),
    abortReason: undefined,
    retryCount: 0,
    maxRetries: 3,
    backoff: constantBackoff('2s'),
    random: 0.5,
    ...failure,
  });
}

describe('how an attempt that threw ends', () => {
  it.each(cases)(
    'aborted: $aborted, thrown: $thrown, retries left: $retriesLeft',
    ({ aborted, thrown, retriesLeft }) => {
      const expected = TABLE[aborted][thrown];
      const outcome = decide({
        thrown: THROWN[thrown](),
        abortReason: ABORTED[aborted](),
        retryCount: retriesLeft ? 2 : 3,
      });
      expect(outcome.kind).toBe(expected === 'retry' && !retriesLeft ? 'failed' : expected);
      if (outcome.kind === 'failed') expect(isDlqId(outcome.dlqId)).toBe(true);
      if (outcome.kind === 'retry') expect(outcome.delayMs).toBe(2_000);
      if (outcome.kind === 'snoozed') expect(outcome.delayMs).toBe(300_000);
    },
  );

  it('asks the backoff for the retry that comes', () => {
    const asked: unknown[] = [];
    const backoff = {
      delay: (...args: unknown[]) => {
        asked.push(args);
        return 7;
      },
    };
    expect(decide({ backoff, retryCount: 1, random: 0.25 })).toMatchObject({ kind: 'retry', delayMs: 7 });
    expect(asked).toEqual([[2, 0.25]]);
  });

  it('never retries a job that has no retries', () => {
    expect(decide({ maxRetries: 0 }).kind).toBe('failed');
  });

  it('keeps what the handler threw beside its timeout as the cause', () => {
    const outcome = decide({ thrown: new Error('aborted fetch'), abortReason: new JobTimeoutError(50) });
    expect(outcome).toMatchObject({
      error: { name: 'JobTimeoutError', code: 'JOB_TIMEOUT', cause: { message: 'aborted fetch' } },
    });
  });

  it('does not make a timeout its own cause', () => {
    const reason = new JobTimeoutError(50);
    const outcome = decide({ thrown: reason, abortReason: reason });
    expect(outcome).toMatchObject({ error: { name: 'JobTimeoutError' } });
    expect(outcome).not.toHaveProperty('error.cause');
  });

  it('keeps the reason of a cancel', () => {
    expect(decide({ thrown: new CancelJob('not needed') })).toMatchObject({ reason: { message: 'not needed' } });
    expect(decide({ abortReason: new JobCancelledError('job_x') })).toMatchObject({
      reason: { code: 'JOB_CANCELLED' },
    });
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('bug');
      },
      1_000,
    ],
    ['gives NaN', () => Number.NaN, 1_000],
    ['gives a negative delay', () => -5, 1_000],
    ['gives Infinity', () => Number.POSITIVE_INFINITY, 1_000],
    ['gives nothing', () => undefined as never, 1_000],
    ['gives a text', () => '5' as never, 1_000],
    ['gives a thousand years', () => 1_000 * 365 * 86_400_000, 365 * 86_400_000],
    ['gives a fraction', () => 1.6, 2],
    ['gives a negative zero', () => -0, 0],
  ])('gives a job a sane delay when its backoff %s', (_what, delay: () => number, expected) => {
    expect(decide({ backoff: { delay } })).toMatchObject({ kind: 'retry', delayMs: expected });
  });

  it('has an outcome that can be stored for whatever was thrown and whatever the backoff gives', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.nat({ max: 4 }), (thrown, delay, retryCount) => {
        const outcome = decide({ thrown, retryCount, backoff: { delay: () => delay as number } });
        expect(outcome.kind).toBe(retryCount >= 3 ? 'failed' : 'retry');
        if (outcome.kind === 'retry') {
          expect(Number.isSafeInteger(outcome.delayMs)).toBe(true);
          expect(outcome.delayMs).toBeGreaterThanOrEqual(0);
        }
        expect(JSON.parse(JSON.stringify(outcome))).toEqual(outcome);
      }),
    );
  });
});
