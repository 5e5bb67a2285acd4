import type { Duration } from '../clock/duration.js';
import type { PayloadSchema } from '../job/payload-schema.js';

declare const types: unique symbol;

/** How runs of a workflow are treated, unless a call says otherwise. */
export interface WorkflowOptions {
  /** Versions run side by side: new runs take the latest that their starter knows, a run keeps its own. Default 1. */
  readonly version?: number;
  /** How long a run may take from its first activation. Default: no limit. */
  readonly timeout?: Duration;
  /** How many activations in a row may crash or fail without a step recorded in between. Default: the engine's `maxRetries`. */
  readonly maxRetries?: number;
}

/**
 * A workflow's name, version and types as a value that starters and the method share (the seed's `Definition[T]`). Made by
 * {@link defineWorkflow}.
 */
export interface WorkflowDefinition<Input = unknown, Output = unknown> extends WorkflowOptions {
  readonly name: string;
  /** Checks inputs when a run is started and before each activation. */
  readonly input?: PayloadSchema<Input>;
  /** Only for the compiler. */
  readonly [types]?: { readonly input: Input; readonly output: Output };
}

export interface DefineWorkflowOptions<Input> extends WorkflowOptions {
  /** A class with class-validator decorators, or a Standard Schema such as one of zod or valibot. */
  readonly input?: PayloadSchema<Input>;
}

/**
 * Defines a workflow, to be passed to `registerWorkflow` and `startWorkflow`, so that a starter needs no import of the
 * method (the seed's `NewWorkflow`).
 *
 * @param name at most 255 characters; unique with its version among the workflows of a process
 */
export function defineWorkflow<Input = unknown, Output = unknown>(
  name: string,
  options: DefineWorkflowOptions<Input> = {},
): WorkflowDefinition<Input, Output> {
  return Object.freeze({ ...options, name });
}
