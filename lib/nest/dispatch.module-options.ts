import { checkNames } from '../engine/check-options.js';
import type { EngineOptions } from '../engine/options.js';
import { InvalidOptionsError } from '../errors.js';
import type { HandlerOptions } from '../job/job-options.js';

/** The kinds of what Nest puts around a handler. */
export type EnhancerKind = 'guards' | 'pipes' | 'interceptors' | 'filters';

/** How `DispatchModule` is set up: the engine's options and a few of its own. */
export interface DispatchModuleOptions extends EngineOptions {
  /** Work on jobs once the application has booted. False leaves that to `DispatchService.start()`. Default true. */
  readonly autoStart?: boolean;
  /**
   * Applies guards, pipes, interceptors and filters that are registered for the whole application (`APP_GUARD`,
   * `useGlobalGuards` and the like) to jobs as well: all kinds, or those listed. Default false: they are mostly written
   * for HTTP requests, and a guard that looks for one would deny every job.
   */
  readonly useGlobalEnhancers?: boolean | readonly EnhancerKind[];
  /** What `@Job(name, (config) => options)` is handed: a `ConfigService`, or whatever the application reads from. */
  readonly config?: unknown;
  /**
   * Options of handlers of this process by the names of their jobs. They go before those in the code.
   *
   *     { 'render-invoice': { concurrency: 5, timeout: '1m' } }
   */
  readonly handlers?: Readonly<Record<string, HandlerOptions>>;
}

/** What `forRootAsync({ useClass })` and `{ useExisting }` name: a provider that makes the options. */
export interface DispatchOptionsFactory {
  createDispatchOptions(): DispatchModuleOptions | Promise<DispatchModuleOptions>;
}

/** The options that the module has beside the engine's. */
const OWN: Readonly<Record<Exclude<keyof DispatchModuleOptions, keyof EngineOptions>, true>> = {
  autoStart: true,
  useGlobalEnhancers: true,
  config: true,
  handlers: true,
};

/** What says how the module is set up, before its options are there. */
const EXTRAS = ['name', 'isGlobal', 'extraProviders'] as const;

/** Checks names, and what the module itself reads; the engine checks the rest. @throws InvalidOptionsError */
export function checkModuleOptions(options: DispatchModuleOptions): void {
  const extra = EXTRAS.find((name) => Object.hasOwn(options, name));
  if (extra !== undefined)
    throw new InvalidOptionsError(
      `"${extra}" must be known before the options are made: pass it beside the factory or class that makes them, as in forRootAsync({ ${extra}, useFactory }).`,
    );
  checkNames(options, [...Object.keys(OWN), ...EXTRAS]);
  const { autoStart, handlers } = options;
  // A text such as 'false', as environments have it, would count as true.
  if (autoStart !== undefined && typeof autoStart !== 'boolean')
    throw new InvalidOptionsError(`"autoStart" must be true or false (got ${JSON.stringify(autoStart)}).`);
  if (handlers !== undefined && (typeof handlers !== 'object' || handlers === null || Array.isArray(handlers)))
    throw new InvalidOptionsError('"handlers" must be an object of options by job name.');
}
