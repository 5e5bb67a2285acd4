import { Injectable } from '@nestjs/common';
import type { JobFailure } from '../../ext/lifecycle.js';
import type { JobHandler } from '../../job/job-handler.js';
import { DispatchMetadataAccessor } from './dispatch-metadata.accessor.js';
import type { DiscoveredMethod } from './discovered-method.js';
import { createEnhancedHandler } from './enhanced-handler.js';
import { EnhancerContexts } from './enhancer-contexts.js';
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
  ) {}

  /** The handler of a `@Job` method. */
  createJobHandler(discovered: DiscoveredMethod): JobHandler {
    const { wrapper } = discovered;
    if (isShared(wrapper)) return this.compose(discovered, sharedInstance(wrapper));
    return async (payload, context) => this.compose(discovered, await instanceFor(wrapper, context))(payload, context);
  }

  /** The listener of an `@OnJobFailed` method. It is called without guards and the like: there is nothing to protect. */
  createFailureListener({ wrapper, method }: DiscoveredMethod): (failure: JobFailure) => unknown {
    if (isShared(wrapper)) return (failure) => method.call(wrapper.instance, failure);
    return async (failure) => method.call((await instanceFor(wrapper, failure.job)).instance, failure);
  }

  private compose(discovered: DiscoveredMethod, instance: HandlerInstance): JobHandler {
    const parameters = this.accessor.parameters(discovered);
    const { name, method, owner } = discovered;
    const target = { ...instance, name, method, owner, parameters };
    if (this.contexts.hasAny(target)) return createEnhancedHandler(target, this.contexts);
    return (payload, context) => callTarget(target, plainArguments(parameters, payload, context));
  }
}
