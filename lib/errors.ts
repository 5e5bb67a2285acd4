/** What every error of the library can carry beside its text. */
export interface DispatchErrorOptions {
  readonly cause?: unknown;
}

/** Of an error of another class: the error of ours that it stands for, and is an `instanceof` of. */
const standIns = new WeakMap<object, DispatchError>();

/** Makes an error of another class, such as an exception of a framework, pass for one of ours. */
export function standFor(other: object, error: DispatchError): void {
  standIns.set(other, error);
}

const isInstance = Function.prototype[Symbol.hasInstance] as (this: unknown, value: unknown) => boolean;

/**
 * The base of the library's errors. `code` is stable and made for programs; `status` is the HTTP status a
 * controller may answer with; the text says what happened and what to do.
 *
 * Errors that are the caller's fault have the form that `http-errors` has: frameworks that know it, as Nest's exception
 * filter, Express and Fastify do, answer with their status and text by themselves.
 */
export abstract class DispatchError extends Error {
  abstract readonly code: string;
  readonly status: number = 500;

  constructor(message: string, options?: DispatchErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }

  /** Whether the text may be shown to the one who asked. */
  get expose(): boolean {
    return this.status < 500;
  }

  /** `status`, where the text may be shown. */
  get statusCode(): number | undefined {
    return this.expose ? this.status : undefined;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // Looked up by identity: what was thrown may be a proxy that throws at every look.
    const stoodFor = standIns.get(value as object);
    return isInstance.call(this, value) || (stoodFor !== undefined && isInstance.call(this, stoodFor));
  }
}

/** The options given to the module, engine, store, definition or call are wrong. */
export class InvalidOptionsError extends DispatchError {
  readonly code = 'INVALID_OPTIONS';
  override readonly status = 400;
}

/** The seed's `ErrNoStore`. */
export class NoStoreError extends DispatchError {
  readonly code = 'NO_STORE';
  constructor() {
    super(
      "Dispatch has no store. Pass \"store\", for example { type: 'sqlite', database: 'dispatch.db' } or { dataSource }.",
    );
  }
}

abstract class NotFoundError extends DispatchError {
  override readonly status = 404;
  constructor(what: string, id: string) {
    super(`${what} ${id} was not found.`);
  }
}

/** The seed's `ErrJobNotFound`; also when the job belongs to another scope. */
export class JobNotFoundError extends NotFoundError {
  readonly code = 'JOB_NOT_FOUND';
  constructor(id: string) {
    super('job', id);
  }
}

/** The seed's `ErrRunNotFound`. */
export class RunNotFoundError extends NotFoundError {
  readonly code = 'RUN_NOT_FOUND';
  constructor(id: string) {
    super('run', id);
  }
}

/** The seed's `ErrCronNotFound`. */
export class CronNotFoundError extends NotFoundError {
  readonly code = 'CRON_NOT_FOUND';
  constructor(id: string) {
    super('cron', id);
  }
}

/** The seed's `ErrDLQNotFound`. */
export class DlqEntryNotFoundError extends NotFoundError {
  readonly code = 'DLQ_ENTRY_NOT_FOUND';
  constructor(id: string) {
    super('dead-letter entry', id);
  }
}

/** The seed's `ErrWorkflowNotFound`. */
export class WorkflowNotFoundError extends NotFoundError {
  readonly code = 'WORKFLOW_NOT_FOUND';
  constructor(name: string) {
    super('workflow', name);
  }
}

/** The seed's `ErrEventNotFound`. */
export class EventNotFoundError extends NotFoundError {
  readonly code = 'EVENT_NOT_FOUND';
  constructor(id: string) {
    super('event', id);
  }
}

export class WorkerNotFoundError extends NotFoundError {
  readonly code = 'WORKER_NOT_FOUND';
  constructor(id: string) {
    super('worker', id);
  }
}

/** The seed's `ErrLeadershipLost`. */
export class LeadershipLostError extends DispatchError {
  readonly code = 'LEADERSHIP_LOST';
}

abstract class ConflictError extends DispatchError {
  override readonly status = 409;
}

/** The seed's `ErrJobAlreadyComplete`: the job is in a terminal state. */
export class JobAlreadyCompleteError extends ConflictError {
  readonly code = 'JOB_ALREADY_COMPLETE';
  constructor(
    readonly jobId: string,
    readonly state: string,
  ) {
    super(`job ${jobId} has already ended (state ${state}).`);
  }
}

/** The seed's `ErrJobNotCancellable`. */
export class JobNotCancellableError extends ConflictError {
  readonly code = 'JOB_NOT_CANCELLABLE';
  constructor(
    readonly jobId: string,
    readonly state: string,
  ) {
    super(`job ${jobId} cannot be cancelled in state ${state}.`);
  }
}

/** A job with the same unique key exists and `onConflict` is `'error'`. */
export class JobAlreadyExistsError extends ConflictError {
  readonly code = 'JOB_ALREADY_EXISTS';
  constructor(
    readonly uniqueKey: string,
    readonly existingId: string,
  ) {
    super(
      `a job with the unique key ${JSON.stringify(uniqueKey)} exists already (${existingId}). Use onConflict 'ignore' or 'replace' to accept that.`,
    );
  }
}

export class DuplicateCronError extends ConflictError {
  readonly code = 'DUPLICATE_CRON';
}

/** The transition asked for is not allowed from the current state. */
export class InvalidStateError extends ConflictError {
  readonly code = 'INVALID_STATE';
  constructor(
    message: string,
    readonly state: string,
  ) {
    super(message);
  }
}

/** The worker no longer holds the job: its lease expired and another may have taken over. */
export class LeaseLostError extends ConflictError {
  readonly code = 'LEASE_LOST';
  constructor(readonly jobId: string) {
    super(`the lease on ${jobId} was lost: the result of this attempt is dropped.`);
  }
}

export class StoreClosedError extends DispatchError {
  readonly code = 'STORE_CLOSED';
  override readonly status = 503;
  constructor() {
    super('the store is closed.');
  }
}

/** The store could not be reached, or did not answer within `callTimeout`. */
export class StoreUnavailableError extends DispatchError {
  readonly code = 'STORE_UNAVAILABLE';
  override readonly status = 503;
}

export class MigrationError extends DispatchError {
  readonly code = 'MIGRATION';
}

/** One field of a payload that did not pass validation. */
export interface PayloadFieldError {
  /** Dotted path; empty for the payload itself. */
  readonly path: string;
  readonly messages: readonly string[];
}

/** The payload does not fit the job's definition. Nothing was enqueued, or the job goes to the dead-letter queue. */
export class PayloadValidationError extends DispatchError {
  readonly code = 'PAYLOAD_VALIDATION';
  override readonly status = 400;
  constructor(
    readonly jobName: string,
    readonly fields: readonly PayloadFieldError[],
    options?: DispatchErrorOptions,
  ) {
    super(`the payload of job "${jobName}" is not valid: ${fields.map(describeField).join('; ')}`, options);
  }
}

function describeField(field: PayloadFieldError): string {
  return field.path ? `${field.path}: ${field.messages.join(', ')}` : field.messages.join(', ');
}

/** The payload, result or headers are larger than allowed, or cannot be serialised. */
export class PayloadError extends DispatchError {
  readonly code = 'PAYLOAD';
  override readonly status = 400;
}

/** The handler took longer than the job's timeout. */
export class JobTimeoutError extends DispatchError {
  readonly code = 'JOB_TIMEOUT';
  constructor(timeoutMs: number) {
    super(`the handler did not finish within ${timeoutMs} ms.`);
  }
}

/** The reason of the handler's `AbortSignal` when somebody cancelled the job. */
export class JobCancelledError extends DispatchError {
  readonly code = 'JOB_CANCELLED';
  override readonly status = 409;
  constructor(jobId: string) {
    super(`job ${jobId} was cancelled.`);
  }
}

/** The reason of the handler's `AbortSignal` when the worker shuts down; the job is handed back. */
export class WorkerShutdownError extends DispatchError {
  readonly code = 'WORKER_SHUTDOWN';
  override readonly status = 503;
  constructor() {
    super('the worker is shutting down; the job is handed back and will run again.');
  }
}

/** Recorded as a job's error when the process that ran it died or lost its lease. */
export class WorkerLostError extends DispatchError {
  readonly code = 'WORKER_LOST';
}

/** An action needs a scope and there is none (`scope: { required: true }`). */
export class ScopeRequiredError extends DispatchError {
  readonly code = 'SCOPE_REQUIRED';
  override readonly status = 403;
  constructor(action: string) {
    super(`${action} needs a scope: call it inside scope.run({ appId, orgId }, ...) or pass "scope".`);
  }
}
