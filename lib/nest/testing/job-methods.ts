import { MetadataScanner } from '@nestjs/core';
import type { JobMethod, JobMethodsOf } from '../../testing/kit/handler-class.js';
import { classNameOf } from '../discovery/class-of.js';
import { DispatchMetadataAccessor } from '../discovery/dispatch-metadata.accessor.js';

const scanner = new MetadataScanner();
const accessor = new DispatchMetadataAccessor();

/**
 * Tells which methods of a class handle jobs of an instance by `@Job`, inherited ones included.
 *
 * @param name of a named instance; left out, the application's default one
 */
export function jobMethodsOf(name?: string): JobMethodsOf {
  return (handler) => {
    const prototype = (handler.prototype ?? {}) as Record<string, object>;
    return scanner.getAllMethodNames(prototype).flatMap((method): JobMethod[] => {
      const own = accessor.jobs(prototype[method]!).filter(({ instance }) => instance === name);
      const jobs = own.map(({ definition }) => definition.name);
      return jobs.length > 0 ? [{ method, owner: `${classNameOf(prototype)}.${method}`, jobs }] : [];
    });
  };
}
