import { InvalidOptionsError } from '../errors.js';
import type { PayloadSchema } from './payload-schema.js';
import type { HandlerOptions } from './job-options.js';

declare const types: unique symbol;

/**
 * A job's name, types and options as a value that producers and handlers share (the seed's `Definition[T]`).
 * Made by {@link defineJob}.
 */
export interface JobDefinition<Input = unknown, Result = unknown> extends HandlerOptions {
  readonly name: string;
  /** Checks payloads when they are enqueued and before they are handled. */
  readonly payload?: PayloadSchema<Input>;
  /** Only for the compiler: a class has a name too, and is no definition. */
  readonly prototype?: never;
  /** Only for the compiler. */
  readonly [types]?: { readonly input: Input; readonly result: Result };
}

export interface DefineJobOptions<Input> extends HandlerOptions {
  /** A class with class-validator decorators, or a Standard Schema such as one of zod or valibot. */
  readonly payload?: PayloadSchema<Input>;
}

/**
 * Defines a job, to be named by `@Job(definition)` and passed to `enqueue(definition, input)`, so that a producer
 * needs no import of the handler (the seed's `NewDefinition`).
 *
 * @param name at most 255 characters; unique among the handlers of a process
 */
export function defineJob<Input = unknown, Result = unknown>(
  name: string,
  options: DefineJobOptions<Input> = {},
): JobDefinition<Input, Result> {
  return Object.freeze({ ...options, name });
}

/**
 * Classes have a name too, and pass for definitions to the compiler: a job of that name would wait for ever.
 *
 * @param whose who names it, for the message
 * @throws InvalidOptionsError when it is no definition
 */
export function checkDefinition(job: unknown, whose = 'a job'): JobDefinition {
  if (typeof job === 'object' && typeof (job as Partial<JobDefinition> | null)?.name === 'string')
    return job as JobDefinition;
  const got = typeof job === 'function' ? 'a class or function' : job === null ? 'null' : typeof job;
  throw new InvalidOptionsError(`${whose} is named by a definition from defineJob or by a text (got ${got}).`);
}

/** Of an extended definition: the one it came from. */
const origins = new WeakMap<JobDefinition, JobDefinition>();

/** A definition with some options replaced; it goes on standing for the one it came from. */
export function extendDefinition(definition: JobDefinition, options: DefineJobOptions<unknown>): JobDefinition {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const extended: JobDefinition = Object.freeze({ ...definition, ...given });
  origins.set(extended, originOf(definition));
  return extended;
}

/** The definition that this one was extended from, or itself. */
export function originOf(definition: JobDefinition): JobDefinition {
  return origins.get(definition) ?? definition;
}

/**
 * The payload types of jobs that are enqueued by name. Augment it to have names and payloads checked:
 *
 *     declare module 'nestjs-dispatch' {
 *       interface JobPayloads { 'send-email': { to: string } }
 *     }
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- made to be augmented
export interface JobPayloads {}

/** The payload type of a job name: what {@link JobPayloads} says, or anything when it says nothing. */
export type PayloadOf<Name extends string> = Name extends keyof JobPayloads ? JobPayloads[Name] : unknown;
