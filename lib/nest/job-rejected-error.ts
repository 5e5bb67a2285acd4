import type { HttpException } from '@nestjs/common';
import { adviceOn } from './discovery/global-enhancers.js';
import { NonRetryableError } from '../job/control-outcomes.js';

/**
 * A guard denied a job, or a pipe refused its payload: the handler was not called, and trying again would end the same
 * way, so the job goes to the dead-letter queue. `cause` is the exception, `details` its response.
 */
export class JobRejectedError extends NonRetryableError {
  override readonly code = 'JOB_REJECTED';
  readonly details: unknown;

  /**
   * @param owner the handler that was not called, such as `InvoiceService.render`
   * @param globalGuard who denied it, if that is a guard of the whole application
   */
  constructor(owner: string, exception: HttpException, globalGuard?: string) {
    super(
      globalGuard === undefined
        ? `${owner} was not called: ${exception.message}`
        : `${owner} was not called, as the global guard ${globalGuard} denied it: ${exception.message}. ${adviceOn('guards')}`,
      { cause: exception },
    );
    this.name = 'JobRejectedError';
    this.details = exception.getResponse();
  }
}
