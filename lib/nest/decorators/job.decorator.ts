import {
  type DefineJobOptions,
  type JobDefinition,
  type PayloadOf,
  checkDefinition,
  extendDefinition,
} from '../../job/job-definition.js';
import type { Job as JobSnapshot } from '../../job/job.js';
import { JOB_METADATA, type JobMetadata, addToMethod } from './metadata.js';
import type { JobMethod } from './job-method.js';

/** Makes options from what the module has as `config`; write down the type that it has. */
export type ConfigureJob<Input = unknown> = { configure(config: unknown): DefineJobOptions<Input> }['configure'];

/** What `@Job` may say beside the job. */
export interface JobDecoratorOptions<Input> extends DefineJobOptions<Input> {
  /** The named Dispatch instance that runs it; left out, the default one. */
  readonly instance?: string;
  /** Further options, read from the configuration at boot. They go before the others. */
  readonly configure?: ConfigureJob<Input>;
}

/** A decorator for methods that can take `Input`: on another, it does not compile. */
export type JobMethodDecorator<Input, Result> = <Method extends JobMethod<Input, Result>>(
  target: object,
  methodName: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** A job as applications see it. The name is the decorator's as well: one is a type, the other a value. */
export type Job<Input = unknown, Result = unknown> = JobSnapshot<Input, Result>;

/**
 * Makes a method of a provider or controller the handler of a job. Its parameters are named by `@Payload()` and
 * `@Ctx()`; with neither, they are the payload and the job's context. What it returns is the job's result; what it
 * throws decides between retry, failure, snooze and cancel.
 *
 *     @Job(sendEmail)
 *     async send(@Payload() mail: SendEmail, @Ctx() job: JobContext) { ... }
 *
 * A payload parameter whose class has class-validator decorators is the job's schema, unless `payload` says otherwise.
 *
 * @param job a definition from `defineJob`, or a name that no other handler of the process has
 *     @Job(sendEmail, (config: ConfigService) => ({ concurrency: config.get('MAILS_AT_ONCE') }))
 *
 * @param options go before those of the definition; a function reads them at boot from the module's `config`
 * @throws InvalidOptionsError when `job` is neither
 */
export function Job<Input, Result>(
  job: JobDefinition<Input, Result>,
  options?: JobDecoratorOptions<Input> | ConfigureJob<Input>,
): JobMethodDecorator<Input, Result>;
export function Job<Name extends string, Input = PayloadOf<Name>>(
  job: Name,
  options?: JobDecoratorOptions<Input> | ConfigureJob<Input>,
): JobMethodDecorator<Input, unknown>;
export function Job(
  job: JobDefinition | string,
  options: JobDecoratorOptions<unknown> | ConfigureJob = {},
): JobMethodDecorator<unknown, unknown> {
  const { instance, configure, ...own } = typeof options === 'function' ? { configure: options } : options;
  return (target, methodName, descriptor) => {
    const whose = `the job of @Job on ${target.constructor.name}.${String(methodName)}`;
    const definition = typeof job === 'string' ? { name: job } : checkDefinition(job, whose);
    const entry = { definition: extendDefinition(definition, own), instance, configure };
    addToMethod<JobMetadata>(JOB_METADATA, entry, '@Job', { target, name: methodName, descriptor });
  };
}
