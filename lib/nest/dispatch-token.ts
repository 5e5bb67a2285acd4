import type { InjectionToken } from '@nestjs/common';
import { DispatchService } from './dispatch.service.js';

/**
 * The injection token of a Dispatch instance, as for overriding it in tests.
 *
 * @param name of a named instance; left out, the application's default one
 */
export function getDispatchToken(name?: string): InjectionToken<DispatchService> {
  return name === undefined ? DispatchService : `DispatchService:${name}`;
}
