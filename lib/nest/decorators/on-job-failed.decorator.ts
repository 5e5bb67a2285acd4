import type { JobFailure } from '../../ext/lifecycle.js';
import { type JobDefinition, checkDefinition } from '../../job/job-definition.js';
import { type FailureListenerMetadata, ON_JOB_FAILED_METADATA, addToMethod } from './metadata.js';

/** A job by its name or definition. */
type NamedJob = string | { readonly name: JobDefinition['name'] };

/** What `@OnJobFailed` may say beside the jobs. */
export interface OnJobFailedOptions {
  /** False: after every failed attempt, also those that another follows. Default true: when a job failed for good. */
  readonly final?: boolean;
  /** Of which named Dispatch instance; left out, the default one. */
  readonly instance?: string;
}

/**
 * Calls a method of a provider or controller with a `JobFailure` when a job failed, in the scope of the job. It is
 * called on the node that ran the job, at most once: the dead-letter queue is the durable record. A listener that
 * throws is logged and costs the job nothing.
 *
 *     @OnJobFailed(sendEmail)
 *     async report({ job, error }: JobFailure) { ... }
 *
 * @param jobs which ones, by name or definition; all when left out
 */
export function OnJobFailed(jobs?: NamedJob | readonly NamedJob[], options?: OnJobFailedOptions): FailureDecorator;
export function OnJobFailed(options: OnJobFailedOptions): FailureDecorator;
export function OnJobFailed(
  jobs?: NamedJob | readonly NamedJob[] | OnJobFailedOptions,
  options: OnJobFailedOptions = {},
): FailureDecorator {
  const onlyOptions = typeof jobs === 'object' && !('name' in jobs) && !Array.isArray(jobs);
  const { final = true, instance } = onlyOptions ? (jobs as OnJobFailedOptions) : options;
  const names = onlyOptions || jobs === undefined ? undefined : [jobs as NamedJob].flat().map(nameOf);
  return (target, name, descriptor) =>
    addToMethod<FailureListenerMetadata>(ON_JOB_FAILED_METADATA, { names, final, instance }, '@OnJobFailed', {
      target,
      name,
      descriptor,
    });
}

type FailureDecorator = <Method extends (failure: JobFailure) => unknown>(
  target: object,
  methodName: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

function nameOf(job: NamedJob): string {
  return typeof job === 'string' ? job : checkDefinition(job, 'the job of @OnJobFailed').name;
}
