import { type Observable, Subscription, isObservable } from 'rxjs';
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
export function callTarget({ method, instance }: HandlerTarget, args: unknown[], context: JobContext): unknown {
  const returned = method.apply(instance, args);
  // One that nobody subscribes to does nothing, so a promise of one is not its result either.
  if (returned instanceof Promise) return returned.then((value: unknown) => result(value, context));
  return result(returned, context);
}

function result(value: unknown, context: JobContext): unknown {
  return isObservable(value) ? lastValue(value, context.signal) : value;
}

/** The last value of an Observable, which is unsubscribed from when the signal fires. */
function lastValue(source: Observable<unknown>, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let last: unknown;
    const subscription = new Subscription(() => signal.removeEventListener('abort', abort));
    const end = (settle: () => void): void => {
      subscription.unsubscribe();
      settle();
    };
    const abort = (): void => end(() => reject(signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    subscription.add(
      source.subscribe({
        next: (value) => (last = value),
        error: (error: unknown) => end(() => reject(error)),
        complete: () => end(() => resolve(last)),
      }),
    );
    if (signal.aborted) abort();
  });
}
