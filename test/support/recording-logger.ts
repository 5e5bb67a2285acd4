import type { DispatchLogger } from '../../lib/observability/logger.js';

/** Keeps what was logged in place of printing it. */
export class RecordingLogger implements DispatchLogger {
  readonly warnings: string[] = [];
  readonly errors: string[] = [];

  debug(): void {}

  log(): void {}

  warn(message: string): void {
    this.warnings.push(message);
  }

  error(message: string): void {
    this.errors.push(message);
  }
}
