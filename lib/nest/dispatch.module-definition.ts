import { ConfigurableModuleBuilder, type Provider } from '@nestjs/common';
import type { DispatchModuleOptions } from './dispatch.module-options.js';

/** What `forRoot` and `forRootAsync` take beside the options themselves. */
export interface DispatchModuleExtras {
  /** Whether every module can inject `DispatchService` without importing `DispatchModule`. Default true. */
  readonly isGlobal?: boolean;
  /** Further providers of the module, for the `useFactory` or `useClass` of its options to inject. */
  readonly extraProviders?: readonly Provider[];
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<DispatchModuleOptions>({
  moduleName: 'Dispatch',
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createDispatchOptions')
  .setExtras<DispatchModuleExtras>({ isGlobal: true, extraProviders: [] }, (definition, extras) => ({
    ...definition,
    global: extras.isGlobal ?? true,
    providers: [...(definition.providers ?? []), ...(extras.extraProviders ?? [])],
  }))
  .build();
