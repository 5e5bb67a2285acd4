import type { EnqueueOptions } from '../../job/job-options.js';
import type { JobLogLine } from '../../job/job-store.js';
import type { JobOutcome } from './job-outcome.js';

/** What the handler is to see of its job; what is left out is as `enqueue` would have it. */
export interface PerformJobOptions extends Pick<
  EnqueueOptions,
  'queue' | 'priority' | 'maxRetries' | 'timeout' | 'backoff' | 'groupKey' | 'headers' | 'scope'
> {
  /** Which attempt this is, from 1; the ones before it failed. Default 1. */
  readonly attempt?: number;
}

/** How an attempt ended, and what its handler reported on the way. */
export type PerformedJob<Result = unknown> = JobOutcome<Result> & {
  /** What the handler passed to `ctx.progress` last. */
  readonly progress: unknown;
  /** What it wrote with `ctx.log`. */
  readonly logs: readonly JobLogLine[];
};
