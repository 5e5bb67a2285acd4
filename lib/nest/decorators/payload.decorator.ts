import type { PipeTransform, Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { BODY_PARAMETER, addParameter } from './metadata.js';

type Pipe = Type<PipeTransform> | PipeTransform;

/** A parameter as Nest keeps it. */
interface NestParameter {
  readonly index: number;
  readonly data: string | undefined;
  readonly pipes: Pipe[];
}

/**
 * Hands the job's payload, or one field of it, to a parameter of a `@Job` method.
 *
 *     async send(@Payload('userId', ParseIntPipe) userId: number) { ... }
 *
 * @param field a property of the payload; the whole payload when left out
 * @param pipes run on the value; an exception of status 4xx means that the payload is wrong, so the job fails at once
 */
export function Payload(field?: string, ...pipes: readonly Pipe[]): ParameterDecorator;
export function Payload(...pipes: readonly Pipe[]): ParameterDecorator;
export function Payload(first?: string | Pipe, ...others: readonly Pipe[]): ParameterDecorator {
  const field = typeof first === 'string' ? first : undefined;
  const pipes = first === undefined || typeof first === 'string' ? others : [first, ...others];
  return (target, method, index) => {
    addParameter(target, method, { kind: 'payload', index, field, pipes });
    showToNest(target, method as string | symbol, { index, data: field, pipes: [...pipes] });
  };
}

/** Nest makes the pipes that it finds in its own list of parameters, and no others. */
function showToNest(target: object, method: string | symbol, parameter: NestParameter): void {
  const known = Reflect.getOwnMetadata(ROUTE_ARGS_METADATA, target.constructor, method) as object | undefined;
  const parameters = { ...known, [`${BODY_PARAMETER}:${parameter.index}`]: parameter };
  Reflect.defineMetadata(ROUTE_ARGS_METADATA, parameters, target.constructor, method);
}
