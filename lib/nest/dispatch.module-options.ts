import type { EngineOptions } from '../engine/options.js';

/** How `DispatchModule` is set up: the engine's options and a few of its own. */
export interface DispatchModuleOptions extends EngineOptions {
  /** Work on jobs once the application has booted. False leaves that to `DispatchService.start()`. Default true. */
  readonly autoStart?: boolean;
  /**
   * Applies guards, pipes, interceptors and filters that are registered for the whole application (`APP_GUARD`,
   * `useGlobalGuards` and the like) to jobs as well. Default false: they are mostly written for HTTP requests, and a
   * guard that looks for one would deny every job.
   */
  readonly useGlobalEnhancers?: boolean;
}

/** What `forRootAsync({ useClass })` and `{ useExisting }` name: a provider that makes the options. */
export interface DispatchOptionsFactory {
  createDispatchOptions(): DispatchModuleOptions | Promise<DispatchModuleOptions>;
}
