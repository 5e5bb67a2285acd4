import { type FactoryProvider, Logger, Module } from '@nestjs/common';
import { DiscoveryModule, ModulesContainer } from '@nestjs/core';
import { createEngine } from '../engine/create-engine.js';
import type { Engine } from '../engine/engine.js';
import { InvalidOptionsError } from '../errors.js';
import type { DispatchLogger } from '../observability/logger.js';
import { DispatchExplorer } from './discovery/dispatch.explorer.js';
import { DispatchMetadataAccessor } from './discovery/dispatch-metadata.accessor.js';
import { DispatchRegistrar } from './discovery/dispatch.registrar.js';
import { EnhancerContexts } from './discovery/enhancer-contexts.js';
import { HandlerInvoker } from './discovery/handler-invoker.js';
import { getDispatchToken } from './dispatch-token.js';
import { DispatchLifecycle } from './dispatch.lifecycle.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './dispatch.module-definition.js';
import type { DispatchModuleOptions } from './dispatch.module-options.js';
import { DispatchService } from './dispatch.service.js';
import { DISPATCH_ENGINE, DISPATCH_LOGGER } from './tokens.js';

const loggerProvider: FactoryProvider<DispatchLogger> = {
  provide: DISPATCH_LOGGER,
  inject: [MODULE_OPTIONS_TOKEN],
  // A factory written in JavaScript may return nothing: the engine then says what is missing.
  useFactory: (options?: DispatchModuleOptions) => options?.logger ?? new Logger('Dispatch'),
};

const engineProvider: FactoryProvider<Engine> = {
  provide: DISPATCH_ENGINE,
  inject: [MODULE_OPTIONS_TOKEN, DISPATCH_LOGGER],
  useFactory: (options: DispatchModuleOptions, logger: DispatchLogger) => {
    const { autoStart: _start, useGlobalEnhancers: _enhancers, ...engineOptions } = options ?? {};
    return createEngine({ ...engineOptions, logger });
  },
};

/**
 * Durable background jobs in the application's own database.
 *
 *     DispatchModule.forRoot({ store: { type: 'sqlite', database: 'dispatch.db' } })
 *     DispatchModule.forRootAsync({ inject: [DataSource], useFactory: (dataSource) => ({ store: { dataSource } }) })
 *
 * Options that are wrong, two handlers of one job and a store that cannot be opened keep the application from booting.
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    loggerProvider,
    engineProvider,
    DispatchMetadataAccessor,
    DispatchExplorer,
    EnhancerContexts,
    HandlerInvoker,
    DispatchRegistrar,
    DispatchLifecycle,
    DispatchService,
  ],
  exports: [DispatchService],
})
export class DispatchModule extends ConfigurableModuleClass {
  constructor(modules: ModulesContainer) {
    super();
    const token = getDispatchToken();
    const same = [...modules.values()].filter(
      ({ metatype, providers }) => metatype === DispatchModule && providers.has(token),
    );
    if (same.length > 1) {
      throw new InvalidOptionsError(
        'DispatchModule is set up twice in this application, which would make two engines. Call forRoot or forRootAsync once; its DispatchService can be injected everywhere.',
      );
    }
  }
}
