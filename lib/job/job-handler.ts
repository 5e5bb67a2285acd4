import type { JobContext } from './job-context.js';

/**
 * What runs a job (the seed's `HandlerFunc`). Its return value becomes the job's result; what it throws decides
 * between retry, failure, snooze and cancel.
 */
export type JobHandler<Input = unknown, Result = unknown> = (
  payload: Input,
  context: JobContext<Input>,
) => Result | Promise<Result>;
