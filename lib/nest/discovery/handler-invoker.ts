import { Inject, Injectable } from '@nestjs/common';
import type { JobFailure } from '../../ext/lifecycle.js';
import type { JobHandler } from '../../job/job-handler.js';
import type { DispatchLogger } from '../../observability/logger.js';
import type { DispatchModuleOptions } from '../dispatch.module-options.js';
import { DISPATCH_LOGGER, DISPATCH_OPTIONS } from '../tokens.js';
import { DispatchMetadataAccessor } from './dispatch-metadata.accessor.js';
import type { DiscoveredMethod } from './discovered-method.js';
import { createEnhancedHandler } from './enhanced-handler.js';
import { EnhancerContexts } from './enhancer-contexts.js';
import { containedListener } from './failure-listener.js';
import { type HandlerInstance, instanceFor, isShared, sharedInstance } from './handler-instance.js';
import { callTarget, plainArguments } from './handler-target.js';

/**
 * Makes functions that call discovered methods: built once at boot for what serves every job, and per job for what is
 * made per request.
 */
@Injectable()
export class HandlerInvoker {
  constructor(
    private readonly accessor: DispatchMetadataAccessor,
    private readonly contexts: EnhancerContexts,
    @Inject(DISPATCH_OPTIONS) private readonly options: DispatchModuleOptions | undefined,
    @Inject(DISPATCH_LOGGER) private readonly logger: DispatchLogger,
  ) {}

  /** @throws InvalidOptionsError when something of the whole application cannot be applied to jobs */
  check(): void {
    this.contexts.check();
  }

  /** The handler of a `@Job` method. */
  createJobHandler(discovered: DiscoveredMethod): JobHandler {
    const { wrapper } = discovered;
    if (isShared(wrapper)) return this.compose(discovered, sharedInstance(wrapper));
    return async (payload, context) => this.compose(discovered, await instanceFor(wrapper, context))(payload, context);
  }

  /**
   * The listener of an `@OnJobFailed` method. It is called without guards and the like: there is nothing to protect. It
   * never rejects.
   */
  createFailureListener({ wrapper, method, owner }: DiscoveredMethod): (failure: JobFailure) => Promise<void> {
    const call = isShared(wrapper)
      ? (failure: JobFailure) => method.call(wrapper.instance, failure)
      : async (failure: JobFailure) => method.call((await instanceFor(wrapper, failure.job)).instance, failure);
    return containedListener(owner, call, { logger: this.logger, carrier: this.options?.carrier });
  }

  private compose(discovered: DiscoveredMethod, instance: HandlerInstance): JobHandler {
    const parameters = this.accessor.parameters(discovered);
    const { name, owner } = discovered;
    const target = { ...instance, name, method: methodOf(discovered, instance), owner, parameters };
    if (this.contexts.hasAny(target)) return createEnhancedHandler(target, this.contexts);
    return (payload, context) => callTarget(target, plainArguments(parameters, payload, context), context);
  }
}

/** A factory may make something else than its token says: then this has the last word. */
function methodOf({ method, name, owner, wrapper }: DiscoveredMethod, { instance }: HandlerInstance): typeof method {
  if (isShared(wrapper)) return method;
  const own = (instance as Readonly<Record<string, unknown>>)[name];
  if (typeof own === 'function') return own as typeof method;
  throw new TypeError(`what was made for ${owner} has no method of that name`);
}
