import type { JobContext } from '../job/job-context.js';

/** Wraps the handling of a job: code before and after `next()`, whose result it may replace. */
export type Middleware = (job: JobContext, next: () => Promise<unknown>) => Promise<unknown>;

/** The inside of a chain: the rest of the middleware and, at the end, the handler. */
export type Handler = (job: JobContext) => Promise<unknown>;

/**
 * Several middlewares as one; the first is the outermost (the seed's `Chain`).
 *
 * @throws {Error} on the call, when a middleware calls `next` twice
 */
export function chain(...middlewares: readonly Middleware[]): Middleware {
  return (job, next) => {
    const enter = (index: number): Promise<unknown> => {
      const middleware = middlewares[index];
      if (!middleware) return next();
      let entered = false;
      return middleware(job, () => {
        if (entered) return Promise.reject(new Error('next() was called twice by one middleware'));
        entered = true;
        return enter(index + 1);
      });
    };
    return enter(0);
  };
}
