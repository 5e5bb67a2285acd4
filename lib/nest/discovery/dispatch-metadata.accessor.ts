import { Injectable } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import {
  type FailureListenerMetadata,
  JOB_METADATA,
  type JobMetadata,
  ON_JOB_FAILED_METADATA,
  PARAMETERS_METADATA,
  type ParameterMetadata,
} from '../decorators/metadata.js';
import { classOf } from './class-of.js';
import type { DiscoveredMethod } from './discovered-method.js';

/** The parameters of a method, as far as decorators tell. */
export interface MethodParameters {
  /** Of `@Payload()` and `@Ctx()`; by position, payload then context, when no parameter has a decorator. */
  readonly own: readonly ParameterMetadata[];
  /** Of decorators made by Nest's `createParamDecorator`, as Nest keeps them. */
  readonly custom: Readonly<Record<string, { readonly index: number }>>;
  /** The classes that the compiler left behind. */
  readonly types: readonly unknown[];
}

const BY_POSITION: readonly ParameterMetadata[] = [
  { kind: 'payload', index: 0, field: undefined, pipes: [] },
  { kind: 'context', index: 1 },
];

/** How Nest marks the parameters of `createParamDecorator`. */
const CUSTOM_PARAMETER = '__customRouteArgs__';

/** Reads what the decorators wrote. */
@Injectable()
export class DispatchMetadataAccessor {
  /** The jobs that a method handles. */
  jobs(method: object): readonly JobMetadata[] {
    return (Reflect.getMetadata(JOB_METADATA, method) as JobMetadata[] | undefined) ?? [];
  }

  /** The failures that a method hears of. */
  failureListeners(method: object): readonly FailureListenerMetadata[] {
    return (Reflect.getMetadata(ON_JOB_FAILED_METADATA, method) as FailureListenerMetadata[] | undefined) ?? [];
  }

  parameters({ prototype, name }: Pick<DiscoveredMethod, 'prototype' | 'name'>): MethodParameters {
    const declaring = declaringPrototype(prototype, name);
    const own = read<readonly ParameterMetadata[]>(PARAMETERS_METADATA, declaring, name);
    const routeArgs = read<MethodParameters['custom']>(ROUTE_ARGS_METADATA, classOf(declaring), name) ?? {};
    const custom = Object.fromEntries(Object.entries(routeArgs).filter(([key]) => key.includes(CUSTOM_PARAMETER)));
    const decorated = own !== undefined || Object.keys(custom).length > 0;
    const types = read<readonly unknown[]>('design:paramtypes', declaring, name) ?? [];
    return { own: decorated ? (own ?? []) : BY_POSITION, custom, types };
  }
}

/** A method that overrides another has parameters of its own: what its name was given further up does not hold. */
function declaringPrototype(prototype: object, name: string): object {
  let declaring = prototype;
  while (!Object.hasOwn(declaring, name)) declaring = Object.getPrototypeOf(declaring) as object;
  return declaring;
}

function read<T>(key: string, target: object, name: string): T | undefined {
  return Reflect.getOwnMetadata(key, target, name) as T | undefined;
}
