import { InvalidOptionsError } from '../../errors.js';
import {
  type DefineJobOptions,
  type JobDefinition,
  type PayloadOf,
  extendDefinition,
} from '../../job/job-definition.js';
import type { Job as JobSnapshot } from '../../job/job.js';
import { JOB_METADATA, addToMethod } from './metadata.js';
import type { JobMethod } from './job-method.js';

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
 * @param options go before those of the definition
 * @throws InvalidOptionsError when `job` is neither
 */
export function Job<Input, Result>(
  job: JobDefinition<Input, Result>,
  options?: DefineJobOptions<Input>,
): JobMethodDecorator<Input, Result>;
export function Job<Name extends string, Input = PayloadOf<Name>>(
  job: Name,
  options?: DefineJobOptions<Input>,
): JobMethodDecorator<Input, unknown>;
export function Job(job: JobDefinition | string, options: DefineJobOptions<unknown> = {}) {
  return (target: object, methodName: string | symbol, descriptor: TypedPropertyDescriptor<never>): void => {
    const definition = typeof job === 'string' ? { name: job } : job;
    if (typeof (definition as Partial<JobDefinition> | undefined)?.name !== 'string') {
      throw new InvalidOptionsError(
        `@Job on ${target.constructor.name}.${String(methodName)} takes a name or a definition from defineJob (got ${typeof job}).`,
      );
    }
    const place = { target, name: methodName, descriptor };
    addToMethod<JobDefinition>(JOB_METADATA, extendDefinition(definition, options), '@Job', place);
  };
}
