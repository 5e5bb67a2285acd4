import type { PipeTransform, Type } from '@nestjs/common';
import { InvalidOptionsError } from '../../errors.js';
import type { DefineJobOptions, JobDefinition } from '../../job/job-definition.js';

/** On a method: the jobs it handles, {@link JobMetadata}[]. */
export const JOB_METADATA = 'dispatch:job';
/** On a method: the failures it hears of, {@link FailureListenerMetadata}[]. */
export const ON_JOB_FAILED_METADATA = 'dispatch:on-job-failed';
/** On a prototype and method name: where its decorated parameters come from, {@link ParameterMetadata}[]. */
export const PARAMETERS_METADATA = 'dispatch:parameters';

/**
 * Payloads are to Nest what the body of a request is (`RouteParamtypes.BODY`): ValidationPipe leaves parameters of
 * types that it does not know alone.
 */
export const BODY_PARAMETER = 3;

/** What `@Job` says. */
export interface JobMetadata {
  readonly definition: JobDefinition;
  /** `undefined`: the default one. */
  readonly instance: string | undefined;
  /** Options that depend on the configuration. */
  readonly configure: ((config: unknown) => DefineJobOptions<unknown>) | undefined;
}

/** What `@OnJobFailed` says. */
export interface FailureListenerMetadata {
  /** `undefined`: the default one. */
  readonly instance: string | undefined;
  /** `undefined`: of every job. */
  readonly names: readonly string[] | undefined;
  readonly final: boolean;
}

/** What `@Payload` and `@Ctx` say. */
export type ParameterMetadata =
  | {
      readonly kind: 'payload';
      readonly index: number;
      readonly field: string | undefined;
      readonly pipes: readonly (Type<PipeTransform> | PipeTransform)[];
    }
  | { readonly kind: 'context'; readonly index: number };

/** What a method decorator is given. */
export interface DecoratedMethod {
  readonly target: object;
  readonly name: string | symbol;
  readonly descriptor: { readonly value?: unknown } | undefined;
}

/** Adds to the list that a method carries: a method may have several decorators of a kind. */
export function addToMethod<T>(
  key: string,
  entry: T,
  decorator: string,
  { target, name, descriptor }: DecoratedMethod,
): void {
  const method: unknown = descriptor?.value;
  const place = `${typeof target === 'function' ? target.name : target.constructor.name}.${String(name)}`;
  if (typeof method !== 'function' || typeof target === 'function' || typeof name === 'symbol') {
    throw new InvalidOptionsError(
      `${decorator} on ${place} belongs on a method of an instance with an ordinary name: static methods, properties and symbols are not found.`,
    );
  }
  Reflect.defineMetadata(key, [...((Reflect.getOwnMetadata(key, method) as T[] | undefined) ?? []), entry], method);
}

/** Adds to the list of a method's decorated parameters. */
export function addParameter(target: object, method: string | symbol | undefined, entry: ParameterMetadata): void {
  if (method === undefined) throw new TypeError('this decorator belongs on a parameter of a method');
  const known = (Reflect.getOwnMetadata(PARAMETERS_METADATA, target, method) as ParameterMetadata[] | undefined) ?? [];
  Reflect.defineMetadata(PARAMETERS_METADATA, [...known, entry], target, method);
}
