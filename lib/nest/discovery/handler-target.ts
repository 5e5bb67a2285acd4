import { isObservable, lastValueFrom } from 'rxjs';
import type { JobContext } from '../../job/job-context.js';
import type { MethodParameters } from './dispatch-metadata.accessor.js';
import type { DiscoveredMethod } from './discovered-method.js';
import type { HandlerInstance } from './handler-instance.js';

/** A `@Job` method and what it is called on. */
export interface HandlerTarget extends HandlerInstance, Pick<DiscoveredMethod, 'name' | 'method' | 'owner'> {
  readonly parameters: MethodParameters;
}

/** The arguments of a method whose parameters need nothing of Nest. */
export function plainArguments({ own }: MethodParameters, payload: unknown, context: JobContext): unknown[] {
  const args: unknown[] = [];
  for (const parameter of own) {
    args[parameter.index] = parameter.kind === 'context' ? context : fieldOf(payload, parameter.field);
  }
  return args;
}

/** A payload, or one of its properties. */
export function fieldOf(payload: unknown, field: string | undefined): unknown {
  return field === undefined ? payload : (payload as Readonly<Record<string, unknown>> | null | undefined)?.[field];
}

/** Calls the method. As elsewhere in Nest it may return an Observable, whose last value counts. */
export function callTarget({ method, instance }: HandlerTarget, args: unknown[]): unknown {
  const returned = method.apply(instance, args);
  return isObservable(returned) ? lastValueFrom(returned, { defaultValue: undefined }) : returned;
}
