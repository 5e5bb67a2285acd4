import { DispatchError, type DispatchErrorOptions } from '../errors.js';
import type { ErrorRecord } from '../job/job-error.js';

/**
 * An error as it was recorded: what a failed step or child throws, on its first execution and on every replay. It has the
 * name, message, code, details and cause of what was thrown, but is no instance of its class.
 */
export class RecordedError extends Error {
  readonly code: string | undefined;
  readonly details: unknown;

  constructor(record: ErrorRecord) {
    super(record.message, record.cause ? { cause: new RecordedError(record.cause) } : undefined);
    this.name = record.name;
    this.code = record.code;
    this.details = record.details;
    if (record.stack !== undefined) this.stack = record.stack;
  }
}

/** A step took longer than its timeout. */
export class StepTimeoutError extends DispatchError {
  readonly code = 'STEP_TIMEOUT';
  constructor(step: string, timeoutMs: number) {
    super(`step "${step}" did not finish within ${timeoutMs} ms.`);
  }
}

/** A run took longer than its workflow's timeout. */
export class RunTimeoutError extends DispatchError {
  readonly code = 'RUN_TIMEOUT';
  constructor(timeoutMs: number) {
    super(`the run did not end within ${timeoutMs} ms.`);
  }
}

/** The run was cancelled: the reason of its steps' `AbortSignal`, and the error of a cancelled run. */
export class RunCancelledError extends DispatchError {
  readonly code = 'RUN_CANCELLED';
  override readonly status = 409;
  constructor(runId: string) {
    super(`run ${runId} was cancelled.`);
  }
}

/** The reason of the `AbortSignal` of steps that are under way when their run ends without them. */
export class RunEndedError extends DispatchError {
  readonly code = 'RUN_ENDED';
  override readonly status = 409;
  constructor(runId: string) {
    super(`run ${runId} has ended.`);
  }
}

/** What waiting for the result of a run rejects with when it failed or was cancelled; its `cause` is the run's error. */
export class RunFailedError extends DispatchError {
  readonly code = 'RUN_FAILED';
  constructor(
    readonly runId: string,
    readonly state: 'failed' | 'cancelled',
    options?: DispatchErrorOptions,
  ) {
    const why = options?.cause instanceof Error ? `: ${options.cause.message}` : '.';
    super(`run ${runId} ${state === 'failed' ? 'failed' : 'was cancelled'}${why}`, options);
  }
}

/** The run had not ended when the time to wait for it was over. It goes on. */
export class RunResultTimeoutError extends DispatchError {
  readonly code = 'RUN_RESULT_TIMEOUT';
  override readonly status = 504;
  constructor(runId: string, timeoutMs: number) {
    super(`run ${runId} had not ended after ${timeoutMs} ms; it goes on.`);
  }
}

/**
 * A replay met another step than the history holds: the method was changed, or is not deterministic. The run stays as it is
 * and can be resumed once the code fits, or migrated to a version that does.
 */
export class WorkflowMismatchError extends DispatchError {
  readonly code = 'WORKFLOW_MISMATCH';
  override readonly status = 409;
  constructor(
    /** What the history holds next. */
    readonly recorded: string,
    /** What the method did instead. */
    readonly found: string,
  ) {
    super(
      `the history of this run goes on with ${recorded}, but its method ${found}. Methods must take the same steps in every replay: ` +
        'use wf.now(), wf.random() and wf.uuid() instead of their originals, and give a changed method a new version or wf.patched(id).',
    );
  }
}
