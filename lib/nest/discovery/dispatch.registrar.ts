import { Inject, Injectable } from '@nestjs/common';
import type { Engine } from '../../engine/engine.js';
import type { JobFailure } from '../../ext/lifecycle.js';
import { type DispatchLogger, errorText } from '../../observability/logger.js';
import { scope } from '../../scope/scope.js';
import type { FailureListenerMetadata } from '../decorators/metadata.js';
import { extendDefinition } from '../../job/job-definition.js';
import { DISPATCH_ENGINE, DISPATCH_LOGGER } from '../tokens.js';
import { checkEnhancers } from './check-enhancers.js';
import { DispatchExplorer } from './dispatch.explorer.js';
import { DispatchMetadataAccessor } from './dispatch-metadata.accessor.js';
import type { DiscoveredMethod } from './discovered-method.js';
import { HandlerInvoker } from './handler-invoker.js';
import { inferPayloadClass } from './payload-class.js';

/** How many handlers of each kind an application has. */
export interface RegisteredHandlers {
  readonly jobs: number;
  readonly failureListeners: number;
}

/** Hands what the explorer finds to the engine. */
@Injectable()
export class DispatchRegistrar {
  constructor(
    private readonly explorer: DispatchExplorer,
    private readonly accessor: DispatchMetadataAccessor,
    private readonly invoker: HandlerInvoker,
    @Inject(DISPATCH_ENGINE) private readonly engine: Engine,
    @Inject(DISPATCH_LOGGER) private readonly logger: DispatchLogger,
  ) {}

  /** @throws InvalidOptionsError when two methods handle one job, naming both, or an option is wrong */
  async registerAll(): Promise<RegisteredHandlers> {
    let jobs = 0;
    let failureListeners = 0;
    for (const discovered of this.explorer.explore()) {
      jobs += await this.registerJobs(discovered);
      failureListeners += this.registerFailureListeners(discovered);
    }
    return { jobs, failureListeners };
  }

  private async registerJobs(discovered: DiscoveredMethod): Promise<number> {
    const definitions = this.accessor.jobs(discovered.method);
    if (definitions.length === 0) return 0;
    const parameters = this.accessor.parameters(discovered);
    checkEnhancers(discovered, parameters);
    const handler = this.invoker.createJobHandler(discovered);
    const inferred = await inferPayloadClass(parameters);
    for (const definition of definitions) {
      const payload = definition.payload ?? inferred;
      this.engine.register(payload ? extendDefinition(definition, { payload }) : definition, handler, discovered.owner);
    }
    return definitions.length;
  }

  private registerFailureListeners(discovered: DiscoveredMethod): number {
    const listeners = this.accessor.failureListeners(discovered.method);
    if (listeners.length === 0) return 0;
    const call = this.contained(discovered.owner, this.invoker.createFailureListener(discovered));
    for (const { names, final } of listeners) {
      const listener = heardOf(names, call);
      this.engine.on('jobFailed', listener);
      if (!final) this.engine.on('jobRetrying', listener);
    }
    return listeners.length;
  }

  /** In the job's scope, as its handler was; whatever it throws goes to the log. */
  private contained(owner: string, listener: (failure: JobFailure) => unknown): (failure: JobFailure) => Promise<void> {
    return async (failure) => {
      try {
        await scope.restore(failure.job.scope, () => listener(failure));
      } catch (error) {
        this.logger.error(
          `the failure listener ${owner} failed for job ${failure.job.id} "${failure.job.name}": ${errorText(error)}`,
          error instanceof Error ? error.stack : undefined,
        );
      }
    };
  }
}

function heardOf(
  names: FailureListenerMetadata['names'],
  listener: (failure: JobFailure) => Promise<void>,
): (failure: JobFailure) => unknown {
  return names ? (failure) => (names.includes(failure.job.name) ? listener(failure) : undefined) : listener;
}
