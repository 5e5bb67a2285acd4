import type { HttpException } from '@nestjs/common';
import { NonRetryableError } from '../job/control-outcomes.js';

/**
 * A guard denied a job, or a pipe refused its payload: the handler was not called, and trying again would end the same
 * way, so the job goes to the dead-letter queue. `cause` is the exception, `details` its response.
 */
export class JobRejectedError extends NonRetryableError {
  override readonly code = 'JOB_REJECTED';
  readonly details: unknown;

  /** @param owner the handler that was not called, such as `InvoiceService.render` */
  constructor(owner: string, exception: HttpException) {
    super(`${owner} was not called: ${exception.message}`, { cause: exception });
    this.name = 'JobRejectedError';
    this.details = exception.getResponse();
  }
}
