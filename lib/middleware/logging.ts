import { ControlOutcome } from '../job/control-outcomes.js';
import { type DispatchLogger, errorText } from '../observability/logger.js';
import type { Middleware } from './middleware.js';

/** One line when a job starts and one when its handler ends, without its payload (the seed's `Logging`). */
export function logging(logger: DispatchLogger): Middleware {
  return async (job, next) => {
    const label = `job ${job.id} "${job.name}" attempt ${job.attempt}`;
    const startedAt = performance.now();
    logger.debug(`${label} started`);
    try {
      const result = await next();
      logger.debug(`${label} completed in ${Math.round(performance.now() - startedAt)} ms`);
      return result;
    } catch (error) {
      const how = error instanceof ControlOutcome ? 'ended' : 'failed';
      logger.warn(`${label} ${how} after ${Math.round(performance.now() - startedAt)} ms: ${errorText(error)}`);
      throw error;
    }
  };
}
