import type { JobContext } from './job-context.js';

/** What is to be done when an attempt is given up; `null` once it is. */
const tasks = new WeakMap<JobContext, Set<() => void> | null>();

/**
 * Has something done when an attempt is given up: it did not stop within the grace of its signal, and nobody waits for
 * it any more. At once, if it is given up already.
 *
 * @param task must not throw
 * @returns takes it back, for attempts that end by themselves
 */
export function onGivenUp(context: JobContext, task: () => void): () => void {
  const waiting = tasks.get(context);
  if (waiting === null) {
    task();
    return () => undefined;
  }
  if (waiting) waiting.add(task);
  else tasks.set(context, new Set([task]));
  return () => void tasks.get(context)?.delete(task);
}

/** Does what is to be done when this attempt is given up. */
export function givenUp(context: JobContext): void {
  const waiting = tasks.get(context);
  tasks.set(context, null);
  for (const task of waiting ?? []) task();
}
