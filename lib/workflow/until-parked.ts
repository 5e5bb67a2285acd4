import type { Parked } from './parked.js';
import type { WorkflowContext } from './workflow-context.js';

const parkedOf = new WeakMap<WorkflowContext, Promise<Parked>>();

/** Notes when the run of a context is let go. */
export function noteParked(wf: WorkflowContext, parked: Promise<Parked>): void {
  parkedOf.set(wf, parked);
}

/**
 * What a method returns, or `PARKED` as soon as its run is let go. For what wraps a method: the calls of a context whose run
 * was let go never settle, and neither does a method that waits for one.
 */
export async function untilParked<T>(wf: WorkflowContext, returned: T | Promise<T>): Promise<T | Parked> {
  const parked = parkedOf.get(wf);
  return parked ? Promise.race([returned, parked]) : returned;
}
