import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Runs a function outside every AsyncLocalStorage context: the one of this module's loading. Claims that an
 * `enqueue` inside a request sets off must not run their handlers in that request's context.
 */
export const runInCleanContext: <T>(fn: () => T) => T = AsyncLocalStorage.snapshot();
