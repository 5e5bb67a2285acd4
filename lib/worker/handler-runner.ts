import type { CodecRegistry } from '../codec/payload-codec.js';
import { NonRetryableError } from '../job/control-outcomes.js';
import type { RegisteredJob } from '../job/job-registry.js';
import { errorText } from '../observability/logger.js';
import type { Carrier } from '../scope/carrier.js';
import { scope } from '../scope/scope.js';
import { type Middleware, chain } from '../middleware/middleware.js';
import type { RunningJob } from './running-job.js';

/** Runs one attempt: decodes and checks the payload, then calls middleware and handler. May throw or reject. */
export type HandlerRunner = (job: RunningJob) => unknown;

export interface HandlerRunnerOptions {
  readonly codecs: CodecRegistry;
  readonly middleware: readonly Middleware[];
  readonly carrier?: Carrier | undefined;
}

/**
 * Builds the runner of a handler once, so that nothing is composed per job. Without schema and middleware the handler
 * is called directly.
 */
export function createHandlerRunner(
  registered: RegisteredJob & { readonly handler: NonNullable<RegisteredJob['handler']> },
  { codecs, middleware, carrier }: HandlerRunnerOptions,
): HandlerRunner {
  const { handler, validate } = registered;
  const decode = (job: RunningJob): unknown => {
    const { codec, payload } = job.claimed;
    try {
      return codecs.decode(codec, payload);
    } catch (cause) {
      throw new NonRetryableError(`the stored payload cannot be decoded: ${errorText(cause)}`, { cause });
    }
  };
  if (!validate && middleware.length === 0) {
    return inItsContext(carrier, (job) => {
      job.payload = decode(job);
      return handler(job.payload, job);
    });
  }
  const around = chain(...middleware);
  return inItsContext(carrier, async (job) => {
    job.payload = decode(job);
    return around(job, async () => {
      if (validate) job.payload = await validate(job.payload);
      return handler(job.payload, job);
    });
  });
}

/** Only a job that has a scope pays for restoring it: the worker itself runs without one. */
function inItsContext(carrier: Carrier | undefined, run: HandlerRunner): HandlerRunner {
  const inner: HandlerRunner = carrier ? (job) => carrier.restore(job.headers, () => run(job)) : run;
  return (job) => (job.scope ? scope.restore(job.scope, () => inner(job)) : inner(job));
}
