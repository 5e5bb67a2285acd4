import type { JobFailure } from '../../ext/lifecycle.js';
import { type DispatchLogger, errorText } from '../../observability/logger.js';
import type { Carrier } from '../../scope/carrier.js';
import { scope } from '../../scope/scope.js';

/**
 * Calls a listener in the context that the job was enqueued in, as its handler was; whatever it throws goes to the log.
 *
 * @param owner who it is, for the log
 */
export function containedListener(
  owner: string,
  listener: (failure: JobFailure) => unknown,
  { logger, carrier }: { readonly logger: DispatchLogger; readonly carrier: Carrier | undefined },
): (failure: JobFailure) => Promise<void> {
  return async (failure) => {
    const { job } = failure;
    const call = (): unknown => (carrier ? carrier.restore(job.headers, () => listener(failure)) : listener(failure));
    try {
      await scope.restore(job.scope, call);
    } catch (error) {
      logger.error(
        `the failure listener ${owner} failed for job ${job.id} "${job.name}": ${errorText(error)}`,
        error instanceof Error ? error.stack : undefined,
      );
    }
  };
}
