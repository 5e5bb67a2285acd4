import type { ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Observable, takeUntil } from 'rxjs';
import { onGivenUp } from '../../job/given-up.js';
import type { JobContext } from '../../job/job-context.js';

/**
 * The outermost interceptor: unsubscribes from what the others have made of an attempt when this is given up, as it may
 * never end by itself. Not before: until then the handler may still be working, and has its grace.
 */
export const untilGivenUp: NestInterceptor = {
  intercept(context: ExecutionContext, next) {
    const job = context.getArgByIndex<JobContext>(1);
    // An error, and no completion: whoever waits further out, as middleware does, must not take it for a success.
    const end = new Observable<never>((subscriber) => onGivenUp(job, () => subscriber.error(job.signal.reason)));
    return next.handle().pipe(takeUntil(end));
  },
};
