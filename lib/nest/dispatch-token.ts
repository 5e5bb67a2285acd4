import type { InjectionToken } from '@nestjs/common';
import type { DispatchModuleOptions } from './dispatch.module-options.js';
import { DispatchService } from './dispatch.service.js';

/**
 * The injection token of a Dispatch instance, as for overriding it in tests.
 *
 * @param name of a named instance; left out, the application's default one
 */
export function getDispatchToken(name?: string): InjectionToken<DispatchService> {
  return name === undefined ? DispatchService : `DispatchService:${name}`;
}

/**
 * The injection token of an instance's options: for tests that replace them, with `overrideProvider`, before anything
 * is opened.
 *
 * @param name of a named instance; left out, the application's default one
 */
export function getDispatchOptionsToken(name?: string): InjectionToken<DispatchModuleOptions> {
  return name === undefined ? 'DispatchModuleOptions' : `DispatchModuleOptions:${name}`;
}
