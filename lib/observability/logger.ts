/** Where the engine writes its few lines. Nest's `Logger` fits. Payloads are never logged. */
export interface DispatchLogger {
  debug(message: string): void;
  log(message: string): void;
  warn(message: string): void;
  error(message: string, stack?: string): void;
}

/** Warnings and errors to the console, nothing else: the default outside Nest. */
export const consoleLogger: DispatchLogger = {
  debug: () => undefined,
  log: () => undefined,
  warn: (message) => console.warn(`[dispatch] ${message}`),
  error: (message, stack) => console.error(`[dispatch] ${message}${stack ? `\n${stack}` : ''}`),
};

/** Text of an error for a log line. */
export function errorText(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return 'an error that cannot be read';
  }
}
