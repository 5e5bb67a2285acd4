import { type DynamicModule, type FactoryProvider, Inject, Logger, Module } from '@nestjs/common';
import { DiscoveryModule, ModulesContainer } from '@nestjs/core';
import { createEngine } from '../engine/create-engine.js';
import type { Engine } from '../engine/engine.js';
import { InvalidOptionsError } from '../errors.js';
import type { DispatchLogger } from '../observability/logger.js';
import { DispatchExplorer } from './discovery/dispatch.explorer.js';
import { DispatchInstances } from './discovery/dispatch-instances.js';
import { DispatchMetadataAccessor } from './discovery/dispatch-metadata.accessor.js';
import { DispatchRegistrar } from './discovery/dispatch.registrar.js';
import { EnhancerContexts } from './discovery/enhancer-contexts.js';
import { HandlerInvoker } from './discovery/handler-invoker.js';
import { HandlerOptionsResolver } from './discovery/handler-options.resolver.js';
import { DispatchLifecycle } from './dispatch.lifecycle.js';
import {
  type ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  type OPTIONS_TYPE,
  checkForRoot,
  checkForRootAsync,
} from './dispatch.module-definition.js';
import { type DispatchModuleOptions, checkModuleOptions } from './dispatch.module-options.js';
import { DISPATCH_ENGINE, DISPATCH_INSTANCE, DISPATCH_LOGGER, DISPATCH_OPTIONS } from './tokens.js';

const loggerProvider: FactoryProvider<DispatchLogger> = {
  provide: DISPATCH_LOGGER,
  inject: [DISPATCH_OPTIONS, DISPATCH_INSTANCE],
  // A factory written in JavaScript may return nothing: the engine then says what is missing.
  useFactory: (options: DispatchModuleOptions | undefined, name: string | null) =>
    options?.logger ?? new Logger(name === null ? 'Dispatch' : `Dispatch:${name}`),
};

const engineProvider: FactoryProvider<Engine> = {
  provide: DISPATCH_ENGINE,
  inject: [DISPATCH_OPTIONS, DISPATCH_LOGGER],
  useFactory: (options: DispatchModuleOptions, logger: DispatchLogger) => {
    checkModuleOptions(options ?? {});
    const {
      autoStart: _start,
      useGlobalEnhancers: _enhancers,
      config: _config,
      handlers: _handlers,
      ...engineOptions
    } = options ?? {};
    return createEngine({ ...engineOptions, logger });
  },
};

/** `forRoot` and `forRootAsync` put the name of their instance in its place. */
const notSetUp: FactoryProvider<never> = {
  provide: DISPATCH_INSTANCE,
  useFactory: () => {
    throw new InvalidOptionsError(
      'DispatchModule is imported as it is, without options. Import DispatchModule.forRoot(options) or forRootAsync once, in the root module: its DispatchService can then be injected everywhere.',
    );
  },
};

/**
 * Durable background jobs in the application's own database.
 *
 *     DispatchModule.forRoot({ store: { type: 'sqlite', database: 'dispatch.db' } })
 *     DispatchModule.forRootAsync({ inject: [DataSource], useFactory: (dataSource) => ({ store: { dataSource } }) })
 *
 * Options that are wrong, two handlers of one job and a store that cannot be opened keep the application from booting.
 * Several instances live side by side when all but one have a `name`.
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    notSetUp,
    loggerProvider,
    engineProvider,
    DispatchInstances,
    DispatchMetadataAccessor,
    DispatchExplorer,
    EnhancerContexts,
    HandlerInvoker,
    HandlerOptionsResolver,
    DispatchRegistrar,
    DispatchLifecycle,
  ],
})
export class DispatchModule extends ConfigurableModuleClass {
  /**
   * Sets the module up, or with a `name` another instance of it.
   *
   * @throws InvalidOptionsError when there are no options; most are checked when the application boots
   */
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    checkForRoot(options);
    return super.forRoot(options);
  }

  /**
   * Sets the module up with options that `useFactory`, `useClass` or `useExisting` makes from other providers.
   *
   * @throws InvalidOptionsError when nothing makes them
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    checkForRootAsync(options);
    return super.forRootAsync(options);
  }

  constructor(modules: ModulesContainer, @Inject(DISPATCH_INSTANCE) name: string | null) {
    super();
    const same = [...modules.values()].filter(
      ({ metatype, providers }) => metatype === DispatchModule && providers.get(DISPATCH_INSTANCE)?.instance === name,
    );
    if (same.length <= 1) return;
    throw new InvalidOptionsError(
      name === null
        ? 'DispatchModule is set up twice in this application, which would make two engines. Call forRoot or forRootAsync once; its DispatchService can be injected everywhere. Give a second store a name: forRoot({ name, store }).'
        : `the Dispatch instance "${name}" is set up twice in this application. Call forRoot or forRootAsync once for each name.`,
    );
  }
}
