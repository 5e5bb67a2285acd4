import type { CodecRegistry } from '../codec/payload-codec.js';
import { InvalidOptionsError, JobNotFoundError } from '../errors.js';
import type { LifecycleEmitter } from '../ext/lifecycle.js';
import { type JobId, parseJobId } from '../id/ids.js';
import type { ScopeOption, ScopePolicy } from '../scope/scope-policy.js';
import type { CountJobsOptions, JobCounts, JobLogRecord, JobStore, ListJobsOptions } from './job-store.js';
import { checkName } from './checks.js';
import { type Job, toJob } from './job.js';
import { JOB_STATES, isJobState } from './job-state.js';

/** A page of jobs, newest first unless asked otherwise. */
export interface JobList {
  readonly jobs: readonly Job[];
  /** Pass it as `cursor` for the next page; left out on the last one. */
  readonly nextCursor?: string;
}

/** A line that a handler wrote with `ctx.log`. */
export interface JobLog extends Omit<JobLogRecord, 'at'> {
  readonly at: Date;
}

/** Filters of a list or count, with times as `Date`. */
export type ListJobsQuery = Omit<ListJobsOptions, 'since' | 'until' | 'scope'> & ScopeOption & TimeRange;
export type CountJobsQuery = Omit<CountJobsOptions, 'since' | 'until' | 'scope'> & ScopeOption & TimeRange;

interface TimeRange {
  /** Created at or after. */
  readonly since?: Date | undefined;
  /** Created before. */
  readonly until?: Date | undefined;
}

export interface JobServiceOptions {
  readonly store: () => Promise<JobStore>;
  readonly scopes: ScopePolicy;
  readonly codecs: CodecRegistry;
  readonly emitter: LifecycleEmitter;
}

/**
 * Looks at jobs and steers them (`dispatch.jobs`). Everything is limited to the current scope, or the one given: a
 * job of another scope does not exist.
 */
export class JobService {
  constructor(private readonly options: JobServiceOptions) {}

  /** @returns `null` when there is no such job @throws InvalidIdError */
  async get<Input = unknown, Result = unknown>(
    id: string,
    options: ScopeOption = {},
  ): Promise<Job<Input, Result> | null> {
    const scope = this.options.scopes.resolveIn('jobs.get', options);
    const record = await (await this.options.store()).getJob(parseJobId(id), scope);
    return record && toJob<Input, Result>(record, this.options.codecs);
  }

  /** @throws InvalidOptionsError for an unknown state or order, a filter that is no name or time, a limit out of range or a foreign cursor */
  async list(query: ListJobsQuery = {}): Promise<JobList> {
    const scope = this.options.scopes.resolveIn('jobs.list', query);
    checkFilter(query);
    const { since, until, ...rest } = query;
    const page = await (await this.options.store()).listJobs({ ...rest, ...toRange({ since, until }), scope });
    const jobs = page.jobs.map((record) => toJob(record, this.options.codecs));
    return { jobs, ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }) };
  }

  /** How many jobs there are in each state. @throws InvalidOptionsError for a filter that is no name or time */
  async counts(query: CountJobsQuery = {}): Promise<JobCounts> {
    const scope = this.options.scopes.resolveIn('jobs.counts', query);
    checkFilter(query);
    const { since, until, ...rest } = query;
    return (await this.options.store()).countJobs({ ...rest, ...toRange({ since, until }), scope });
  }

  /**
   * Cancels a job: a waiting one at once, a running one by asking its worker, on whichever node that is.
   *
   * @returns the job, cancelled or still running with `cancelRequestedAt` set
   * @throws JobNotFoundError, JobAlreadyCompleteError, InvalidIdError
   */
  async cancel(id: string, options: ScopeOption = {}): Promise<Job> {
    const scope = this.options.scopes.resolveIn('jobs.cancel', options);
    const { kind, job: record } = await (await this.options.store()).cancelJob(parseJobId(id), scope);
    const job = toJob(record, this.options.codecs);
    if (kind === 'cancelled') this.options.emitter.emit('jobCancelled', { job });
    return job;
  }

  /**
   * Makes a failed or cancelled job run again, with all its retries.
   *
   * @throws JobNotFoundError, InvalidStateError, InvalidIdError
   */
  async retry(id: string, options: ScopeOption = {}): Promise<Job> {
    const scope = this.options.scopes.resolveIn('jobs.retry', options);
    return toJob(await (await this.options.store()).retryJob(parseJobId(id), scope), this.options.codecs);
  }

  /** Deletes a job that is not running. @throws JobNotFoundError, InvalidStateError, InvalidIdError */
  async discard(id: string, options: ScopeOption = {}): Promise<void> {
    const scope = this.options.scopes.resolveIn('jobs.discard', options);
    await (await this.options.store()).discardJob(parseJobId(id), scope);
  }

  /** The lines its handler wrote, oldest first. @throws JobNotFoundError, InvalidOptionsError, InvalidIdError */
  async logs(id: string, options: ScopeOption & { readonly limit?: number } = {}): Promise<readonly JobLog[]> {
    const scope = this.options.scopes.resolveIn('jobs.logs', options);
    const store = await this.options.store();
    const jobId: JobId = parseJobId(id);
    if (!(await store.getJob(jobId, scope))) throw new JobNotFoundError(id);
    const lines = await store.listJobLogs(jobId, { limit: options.limit, scope });
    return lines.map((line) => ({ ...line, at: new Date(line.at) }));
  }
}

function toRange({ since, until }: TimeRange): { since?: number; until?: number } {
  return {
    ...(since === undefined ? {} : { since: toTime('since', since) }),
    ...(until === undefined ? {} : { until: toTime('until', until) }),
  };
}

function toTime(label: string, value: unknown): number {
  const ms = value instanceof Date ? value.getTime() : Number.NaN;
  if (Number.isNaN(ms)) throw new InvalidOptionsError(`"${label}" must be a valid Date (got ${String(value)}).`);
  return ms;
}

function checkFilter({ states, queue, name }: ListJobsQuery): void {
  const given: unknown = states;
  if (given !== undefined && !(Array.isArray(given) && given.every(isJobState))) {
    const wrong: unknown = Array.isArray(given) ? given.find((state) => !isJobState(state)) : given;
    throw new InvalidOptionsError(
      `"states" must be a list of some of ${JOB_STATES.join(', ')} (got ${JSON.stringify(wrong)}).`,
    );
  }
  if (queue !== undefined) checkName('queue', queue);
  if (name !== undefined) checkName('name', name);
}
