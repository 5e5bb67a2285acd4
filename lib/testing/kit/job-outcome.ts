import type { CodecRegistry } from '../../codec/payload-codec.js';
import type { JobId } from '../../id/ids.js';
import type { ErrorRecord } from '../../job/job-error.js';
import type { Outcome } from '../../job/outcome.js';
import type { RunningJob } from '../../worker/running-job.js';

/** How an attempt ended, as tests see it. Delays in milliseconds. */
export type JobOutcome<Result = unknown> =
  /** The handler returned; `result` as it is stored, so that a `Date` is a text. */
  | { readonly kind: 'completed'; readonly result: Result | undefined }
  /** It failed, and another attempt follows after `delayMs`. `thrown` is what was thrown, `error` what is stored of it. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly error: ErrorRecord; readonly thrown: unknown }
  /** It failed for good, and is in the dead-letter queue. */
  | { readonly kind: 'failed'; readonly error: ErrorRecord; readonly thrown: unknown }
  | { readonly kind: 'snoozed'; readonly delayMs: number }
  | { readonly kind: 'cancelled'; readonly reason: ErrorRecord | undefined }
  /** Handed back unfinished. */
  | { readonly kind: 'released' }
  /** Its worker no longer held it: what it did is dropped. */
  | { readonly kind: 'lost' }
  /** Its process died, as `crashNext` asked for: the job waits until its lease ends. */
  | { readonly kind: 'crashed' };

/** One attempt that the test kit has run. */
export interface JobRun {
  readonly id: JobId;
  readonly name: string;
  readonly queue: string;
  readonly attempt: number;
  /** As the handler was given it; `undefined` if it never came so far. */
  readonly payload: unknown;
  readonly outcome: JobOutcome;
}

/** What a worker would write about an attempt, as tests see it; `null` when it lost its lease. */
export function toJobOutcome(job: RunningJob, outcome: Outcome | null, codecs: CodecRegistry): JobOutcome {
  if (!outcome) return { kind: 'lost' };
  const { thrown } = job;
  switch (outcome.kind) {
    case 'completed':
      return { kind: 'completed', result: codecs.decode(job.claimed.codec, outcome.result) };
    case 'retry':
      return { kind: 'retry', delayMs: outcome.delayMs, error: outcome.error, thrown };
    case 'failed':
      return { kind: 'failed', error: outcome.error, thrown };
    case 'snoozed':
      return { kind: 'snoozed', delayMs: outcome.delayMs };
    case 'cancelled':
      return { kind: 'cancelled', reason: outcome.reason };
    case 'released':
      return { kind: 'released' };
  }
}
