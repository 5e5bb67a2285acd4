import { scope } from '../scope/scope.js';
import type { Middleware } from './middleware.js';

/** Runs the job in the scope it was enqueued in (the seed's `Scope`). Part of the engine's own chain. */
export function restoreScope(): Middleware {
  return (job, next) => (job.scope ? scope.restore(job.scope, next) : next());
}
