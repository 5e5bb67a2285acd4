import type { DispatchLogger } from './logger.js';

/** A logger that never throws: a log line must not cost a job. */
export function safeLogger(logger: DispatchLogger): DispatchLogger {
  const contained =
    <Args extends unknown[]>(write: (...args: Args) => void) =>
    (...args: Args): void => {
      try {
        write(...args);
      } catch {
        // There is nobody left to tell.
      }
    };
  return {
    debug: contained((message: string) => logger.debug(message)),
    log: contained((message: string) => logger.log(message)),
    warn: contained((message: string) => logger.warn(message)),
    error: contained((message: string, stack?: string) =>
      stack === undefined ? logger.error(message) : logger.error(message, stack),
    ),
  };
}
