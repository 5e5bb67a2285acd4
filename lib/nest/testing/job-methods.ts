import { MetadataScanner } from '@nestjs/core';
import type { HandlerClass, JobMethod } from '../../testing/kit/handler-class.js';
import { classNameOf } from '../discovery/class-of.js';
import { DispatchMetadataAccessor } from '../discovery/dispatch-metadata.accessor.js';

const scanner = new MetadataScanner();
const accessor = new DispatchMetadataAccessor();

/** The methods of a class that handle jobs of the default instance by `@Job`, inherited ones included. */
export function jobMethodsOf(handler: HandlerClass): readonly JobMethod[] {
  const prototype = (handler.prototype ?? {}) as Record<string, object>;
  return scanner.getAllMethodNames(prototype).flatMap((method) => {
    const own = accessor.jobs(prototype[method]!).filter(({ instance }) => instance === undefined);
    const jobs = own.map(({ definition }) => definition.name);
    return jobs.length > 0 ? [{ method, owner: `${classNameOf(prototype)}.${method}`, jobs }] : [];
  });
}
