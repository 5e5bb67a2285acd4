/**
 * What the call of a workflow's method resolves to when its run was let go before the method ended: parked, handed back or
 * lost. Wrappers of the method, such as interceptors, finish with it; nothing is made of their result.
 */
export const PARKED: unique symbol = Symbol('nestjs-dispatch: the run is parked');
export type Parked = typeof PARKED;

/** What calls of a run's context return once the run was let go: it never settles, and is collected with its method. */
export function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}

/** Resolves when promise chains that are under way have run. */
export function turn(): Promise<void> {
  return new Promise<void>((resolve) => setImmediate(resolve));
}
