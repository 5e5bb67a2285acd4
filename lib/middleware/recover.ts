import type { Middleware } from './middleware.js';

/**
 * Turns whatever is thrown into an `Error`, so that the middleware outside it can rely on one (the seed's
 * `Recover`). The engine itself contains every throw, with or without it.
 */
export function recover(): Middleware {
  return async (_job, next) => {
    try {
      return await next();
    } catch (thrown) {
      if (thrown instanceof Error) throw thrown;
      throw new Error(`the handler threw something that is not an Error: ${describe(thrown)}`, { cause: thrown });
    }
  };
}

function describe(thrown: unknown): string {
  try {
    return String(thrown).slice(0, 200);
  } catch {
    return typeof thrown;
  }
}
