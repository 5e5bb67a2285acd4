import { Inject, Injectable } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import type { Engine } from '../../engine/engine.js';
import type { JobFailure } from '../../ext/lifecycle.js';
import { extendDefinition } from '../../job/job-definition.js';
import { type DispatchLogger } from '../../observability/logger.js';
import { DISPATCH_ENGINE, DISPATCH_LOGGER } from '../tokens.js';
import { checkEnhancers } from './check-enhancers.js';
import { DispatchExplorer } from './dispatch.explorer.js';
import { DispatchMetadataAccessor } from './dispatch-metadata.accessor.js';
import type { DiscoveredMethod } from './discovered-method.js';
import { HandlerInvoker } from './handler-invoker.js';
import { HandlerOptionsResolver } from './handler-options.resolver.js';
import { inferPayloadClass } from './payload-class.js';

/** How many handlers of each kind an application has. */
export interface RegisteredHandlers {
  readonly jobs: number;
  readonly failureListeners: number;
}

/** Takes away again what was registered. */
type Remove = () => void;

/** Hands what the explorer finds to the engine. */
@Injectable()
export class DispatchRegistrar {
  constructor(
    private readonly explorer: DispatchExplorer,
    private readonly accessor: DispatchMetadataAccessor,
    private readonly invoker: HandlerInvoker,
    private readonly optionsResolver: HandlerOptionsResolver,
    @Inject(DISPATCH_ENGINE) private readonly engine: Engine,
    @Inject(DISPATCH_LOGGER) private readonly logger: DispatchLogger,
  ) {}

  /** @throws InvalidOptionsError when two methods handle one job, naming both, or an option is wrong */
  async registerAll(): Promise<RegisteredHandlers> {
    this.invoker.check();
    const methods = this.explorer.explore();
    await this.register(methods);
    for (const name of this.optionsResolver.strangers(this.engine.registry.names()))
      this.logger.warn(`"handlers" has options for the job "${name}", which nothing here handles`);
    return {
      jobs: methods.reduce((count, { jobs }) => count + jobs.length, 0),
      failureListeners: methods.reduce((count, { failureListeners }) => count + failureListeners.length, 0),
    };
  }

  /** Registers what a module has that was loaded later. @returns a function that takes it away again */
  async registerModule(moduleRef: ModuleRef): Promise<Remove> {
    const methods = this.explorer.exploreModule(moduleRef);
    try {
      const remove = await this.register(methods);
      let removed = false;
      return () => {
        // Once: the module may have been explored again since.
        if (removed) return;
        removed = true;
        remove();
        this.explorer.forget(methods);
      };
    } catch (error) {
      this.explorer.forget(methods);
      throw error;
    }
  }

  /** All or none. */
  private async register(methods: readonly DiscoveredMethod[]): Promise<Remove> {
    const removes: Remove[] = [];
    const removeAll = (): void => {
      for (const remove of removes.splice(0)) remove();
    };
    try {
      for (const discovered of methods) {
        removes.push(...(await this.registerJobs(discovered)), ...this.registerFailureListeners(discovered));
      }
    } catch (error) {
      removeAll();
      throw error;
    }
    return removeAll;
  }

  private async registerJobs(discovered: DiscoveredMethod): Promise<Remove[]> {
    const { jobs, owner } = discovered;
    if (jobs.length === 0) return [];
    const parameters = this.accessor.parameters(discovered);
    checkEnhancers(discovered, parameters);
    const handler = this.invoker.createJobHandler(discovered);
    const inferred = await inferPayloadClass(parameters);
    return jobs.map((job) => {
      const definition = this.optionsResolver.resolve(job, owner);
      const payload = definition.payload ?? inferred;
      return this.engine.register(payload ? extendDefinition(definition, { payload }) : definition, handler, owner);
    });
  }

  private registerFailureListeners(discovered: DiscoveredMethod): Remove[] {
    if (discovered.failureListeners.length === 0) return [];
    const listener = this.invoker.createFailureListener(discovered);
    return discovered.failureListeners.flatMap(({ names, final }) => {
      const heard = (failure: JobFailure): unknown =>
        !names || names.includes(failure.job.name) ? listener(failure) : undefined;
      const remove = this.engine.on('jobFailed', heard);
      return final ? [remove] : [remove, this.engine.on('jobRetrying', heard)];
    });
  }
}
