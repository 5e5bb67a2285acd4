import { type Duration, toMs } from '../clock/duration.js';

/** Thrown by a handler when trying again is pointless: the job fails at once and goes to the dead-letter queue. */
export class NonRetryableError extends Error {
  readonly code: string = 'NON_RETRYABLE';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NonRetryableError';
  }
}

/** Base of what a handler throws to steer its job. It is not a failure: exception filters do not see it. */
export abstract class ControlOutcome extends Error {}

/** Thrown by a handler to run again later without spending a retry. */
export class Snooze extends ControlOutcome {
  readonly delayMs: number;

  /** @param delay how long to wait, in milliseconds or as a text such as `'5m'` */
  constructor(delay: Duration) {
    super(`snoozed`);
    this.name = 'Snooze';
    this.delayMs = toMs(delay, 'Snooze delay');
  }
}

/** Thrown by a handler to end its job as cancelled. */
export class CancelJob extends ControlOutcome {
  /** @param reason kept in the job's error history */
  constructor(reason = 'cancelled by its handler') {
    super(reason);
    this.name = 'CancelJob';
  }
}
