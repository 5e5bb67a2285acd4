import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { DispatchLogger } from '../../observability/logger.js';
import { DISPATCH_LOGGER } from '../tokens.js';
import { DispatchMetadataAccessor } from './dispatch-metadata.accessor.js';
import type { DiscoveredMethod, HostWrapper } from './discovered-method.js';

/** Walks the application's providers and controllers and finds the methods with decorators of ours. */
@Injectable()
export class DispatchExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly accessor: DispatchMetadataAccessor,
    @Inject(DISPATCH_LOGGER) private readonly logger: DispatchLogger,
  ) {}

  /** Each method once, inherited ones included, however often its class is provided. */
  explore(): readonly DiscoveredMethod[] {
    const seen = new Map<object, HostWrapper>();
    const wrappers = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    // An instance that a factory passes on belongs where Nest made it.
    const inOrder = [
      ...wrappers.filter((each) => !each.isNotMetatype),
      ...wrappers.filter((each) => each.isNotMetatype),
    ];
    return inOrder.flatMap((wrapper) => {
      const prototype = prototypeOf(wrapper);
      if (!prototype) return [];
      const methods = this.methodsOf(wrapper, prototype);
      if (methods.length === 0) return [];
      const first = seen.get(prototype);
      if (first) {
        if (!sameInstance(first, wrapper)) this.warnOfSecond(prototype, first, wrapper);
        return [];
      }
      seen.set(prototype, wrapper);
      return methods;
    });
  }

  private methodsOf(wrapper: HostWrapper, prototype: object): DiscoveredMethod[] {
    return this.scanner.getAllMethodNames(prototype).flatMap((name) => {
      const method = (prototype as Record<string, unknown>)[name] as DiscoveredMethod['method'];
      if (!this.accessor.isDecorated(method)) return [];
      return [{ name, method, prototype, wrapper, owner: `${prototype.constructor.name}.${name}` }];
    });
  }

  private warnOfSecond(prototype: object, first: HostWrapper, second: HostWrapper): void {
    this.logger.warn(
      `${prototype.constructor.name} is provided twice, in ${moduleOf(first)} and in ${moduleOf(second)}: ` +
        `jobs and failures go to the one in ${moduleOf(first)}. Provide it in one module and export it from there.`,
    );
  }
}

/** Where the methods of a provider are; `undefined` for aliases, values that are no objects, and what is not ready. */
function prototypeOf(wrapper: HostWrapper): object | undefined {
  if (wrapper.isAlias) return undefined;
  const instance: unknown = wrapper.instance;
  // One that is made per request has no instance yet: its class tells what it will be.
  if (typeof instance === 'object' && instance !== null)
    return (Object.getPrototypeOf(instance) as object | null) ?? undefined;
  return wrapper.isNotMetatype ? undefined : (wrapper.metatype as { prototype?: object } | null)?.prototype;
}

function sameInstance(first: HostWrapper, second: HostWrapper): boolean {
  return first.isDependencyTreeStatic() && !first.isTransient && first.instance === second.instance;
}

function moduleOf(wrapper: HostWrapper): string {
  return wrapper.host?.name ?? 'an unknown module';
}
