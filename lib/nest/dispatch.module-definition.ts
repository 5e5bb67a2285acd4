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

export const { ConfigurableModuleClass, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<DispatchModuleOptions>({
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

/** What makes the options of `forRootAsync`. */
const MAKERS = ['useFactory', 'useClass', 'useExisting'] as const;

/** @throws InvalidOptionsError when `forRoot` was given no object */
export function checkForRoot(options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new InvalidOptionsError(
    `DispatchModule.forRoot takes an object of options with at least "store", as in forRoot({ store: { type: 'sqlite', database: 'dispatch.db' } }) (got ${kindOf(options)}).`,
  );
}

/** @throws InvalidOptionsError when nothing makes the options, or it is no function or class */
export function checkForRootAsync(options: unknown): void {
  const given = (typeof options === 'object' && options !== null ? options : {}) as Partial<Record<string, unknown>>;
  const maker = MAKERS.find((name) => given[name] !== undefined);
  if (maker === undefined) {
    const names = Object.keys(given);
    throw new InvalidOptionsError(
      `DispatchModule.forRootAsync needs "useFactory", "useClass" or "useExisting", which makes the options (got ${names.length > 0 ? names.join(', ') : kindOf(options)}). Options that need nothing of the application go to forRoot.`,
    );
  }
  // What exists may be named by any token.
  if (maker === 'useExisting' || typeof given[maker] === 'function') return;
  const wanted =
    maker === 'useFactory' ? 'a function that returns the options' : 'a class with createDispatchOptions()';
  throw new InvalidOptionsError(`"${maker}" of forRootAsync must be ${wanted} (got ${kindOf(given[maker])}).`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'object' && Object.keys(value).length === 0 ? 'an empty object' : typeof value;
}

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
