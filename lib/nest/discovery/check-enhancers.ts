import {
  EXCEPTION_FILTERS_METADATA,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  PIPES_METADATA,
} from '@nestjs/common/constants.js';
import { InvalidOptionsError } from '../../errors.js';
import { classOf } from './class-of.js';
import type { MethodParameters } from './dispatch-metadata.accessor.js';
import type { DiscoveredMethod } from './discovered-method.js';

const ENHANCERS = [GUARDS_METADATA, INTERCEPTORS_METADATA, PIPES_METADATA, EXCEPTION_FILTERS_METADATA];

/**
 * Nest makes guards and the like for classes that are providers themselves, and silently leaves out those of a class
 * whose instance comes from a factory or is a value. A job must not run without its guard because of that.
 *
 * @throws InvalidOptionsError naming the handler and what it would lack
 */
export function checkEnhancers(
  { prototype, method, wrapper, owner }: DiscoveredMethod,
  { own, custom }: MethodParameters,
): void {
  const bound = [classOf(prototype), method].flatMap((place) =>
    ENHANCERS.flatMap((key) => (Reflect.getMetadata(key, place) as unknown[] | undefined) ?? []),
  );
  const ofParameters = [...own, ...Object.values(custom)].flatMap((parameter) =>
    'pipes' in parameter ? (parameter.pipes as unknown[]) : [],
  );
  const lacking = [...bound, ...ofParameters].find(
    (enhancer): enhancer is new () => object =>
      typeof enhancer === 'function' && wrapper.host?.injectables.has(enhancer) !== true,
  );
  if (!lacking) return;
  throw new InvalidOptionsError(
    `${owner} would run without ${lacking.name}: Nest makes no guards, pipes, interceptors or filters for what a factory or value provides. Provide the class itself, or bind an instance, as in new ${lacking.name}().`,
  );
}
