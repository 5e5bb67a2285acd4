import { ConfigurableModuleBuilder, type DynamicModule, type FactoryProvider, type Provider } from '@nestjs/common';
import type { Engine } from '../engine/engine.js';
import { InvalidOptionsError } from '../errors.js';
import { getDispatchOptionsToken, getDispatchToken } from './dispatch-token.js';
import type { DispatchModuleOptions } from './dispatch.module-options.js';
import { DispatchService } from './dispatch.service.js';
import { DispatchRegistrar } from './discovery/dispatch.registrar.js';
import { DISPATCH_ENGINE, DISPATCH_INSTANCE, DISPATCH_OPTIONS } from './tokens.js';

/** What `forRoot` and `forRootAsync` take beside the options themselves. */
export interface DispatchModuleExtras {
  /**
   * Names an instance beside the default one, with a store and handlers of its own. It is injected by
   * `@InjectDispatch(name)`; handlers say `{ instance: name }`.
   */
  readonly name?: string;
  /** Whether every module can inject the service without importing `DispatchModule`. Default true. */
  readonly isGlobal?: boolean;
  /** Further providers of the module, for the `useFactory` or `useClass` of its options to inject. */
  readonly extraProviders?: readonly Provider[];
}

export const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<DispatchModuleOptions>({
  moduleName: 'Dispatch',
  optionsInjectionToken: DISPATCH_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createDispatchOptions')
  .setExtras<DispatchModuleExtras>({ name: undefined, isGlobal: true, extraProviders: [] }, (definition, extras) => ({
    ...checked(definition, extras),
    global: extras.isGlobal ?? true,
    providers: [
      ...(definition.providers ?? []).flatMap((provider) => renamed(provider, extras.name)),
      ...(extras.extraProviders ?? []),
      { provide: DISPATCH_INSTANCE, useValue: extras.name ?? null },
      serviceOf(extras.name),
    ],
    exports: [getDispatchToken(extras.name)],
  }))
  .build();

/** @throws InvalidOptionsError when a name cannot be one, or `isGlobal` is a text */
function checked(definition: DynamicModule, { name, isGlobal }: DispatchModuleExtras): DynamicModule {
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw new InvalidOptionsError(`"name" must be a text that is not empty (got ${JSON.stringify(name)}).`);
  if (isGlobal !== undefined && typeof isGlobal !== 'boolean')
    throw new InvalidOptionsError(`"isGlobal" must be true or false (got ${JSON.stringify(isGlobal)}).`);
  return definition;
}

/** The options of each instance have a token of their own, so that a test can replace those of one. */
function renamed(provider: Provider, name: string | undefined): Provider[] {
  if (!('provide' in provider) || provider.provide !== DISPATCH_OPTIONS) return [provider];
  const token = getDispatchOptionsToken(name);
  return [
    { ...provider, provide: token },
    { provide: DISPATCH_OPTIONS, useExisting: token },
  ];
}

/** Under its own token only: a named instance is never taken for the default one. */
function serviceOf(name: string | undefined): FactoryProvider<DispatchService> {
  return {
    provide: getDispatchToken(name),
    inject: [DISPATCH_ENGINE, DispatchRegistrar],
    useFactory: (engine: Engine, registrar: DispatchRegistrar) => new DispatchService(engine, registrar),
  };
}
