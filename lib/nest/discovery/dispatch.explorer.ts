import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, type ModuleRef, ModulesContainer } from '@nestjs/core';
import { InvalidOptionsError } from '../../errors.js';
import type { DispatchLogger } from '../../observability/logger.js';
import { DISPATCH_LOGGER } from '../tokens.js';
import { classNameOf } from './class-of.js';
import { DispatchInstances } from './dispatch-instances.js';
import { DispatchMetadataAccessor } from './dispatch-metadata.accessor.js';
import type { DiscoveredMethod, HostModule, HostWrapper } from './discovered-method.js';
import { isShared } from './handler-instance.js';
import { moduleOf, modulesFrom } from './host-modules.js';

/** Walks the application's providers and controllers and finds the methods with decorators of ours. */
@Injectable()
export class DispatchExplorer {
  /** Where the methods of each prototype were found. */
  private readonly seen = new Map<object, HostWrapper>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly modules: ModulesContainer,
    private readonly accessor: DispatchMetadataAccessor,
    private readonly instances: DispatchInstances,
    @Inject(DISPATCH_LOGGER) private readonly logger: DispatchLogger,
  ) {}

  /** Each method of the application once, inherited ones included, however often its class is provided. */
  explore(): readonly DiscoveredMethod[] {
    return this.walk([...this.modules.values()]);
  }

  /**
   * The methods of a module and of those that it imports, as far as they were not found before.
   *
   * @throws InvalidOptionsError when the reference is of another application
   */
  exploreModule(moduleRef: ModuleRef): readonly DiscoveredMethod[] {
    const own = modulesFrom(this.modules, moduleRef);
    if (own.length > 0) return this.walk(own);
    throw new InvalidOptionsError(
      'explore takes the ModuleRef of a module of this application, as LazyModuleLoader.load returns it.',
    );
  }

  /** Forgets methods, so that they can be found again. */
  forget(methods: readonly DiscoveredMethod[]): void {
    for (const { prototype } of methods) this.seen.delete(prototype);
  }

  private walk(modules: HostModule[]): readonly DiscoveredMethod[] {
    const wrappers = [...this.discovery.getProviders({}, modules), ...this.discovery.getControllers({}, modules)];
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
      const first = this.seen.get(prototype);
      if (first) {
        if (!sameInstance(first, wrapper)) this.warnOfSecond(prototype, first, wrapper);
        return [];
      }
      this.seen.set(prototype, wrapper);
      return methods;
    });
  }

  private methodsOf(wrapper: HostWrapper, prototype: object): DiscoveredMethod[] {
    return this.scanner.getAllMethodNames(prototype).flatMap((name) => {
      const method = (prototype as Record<string, unknown>)[name] as DiscoveredMethod['method'];
      const owner = `${classNameOf(prototype)}.${name}`;
      const own = ({ instance }: { readonly instance: string | undefined }): boolean =>
        this.instances.isOwn(instance, owner);
      const jobs = this.accessor.jobs(method).filter(own);
      const failureListeners = this.accessor.failureListeners(method).filter(own);
      if (jobs.length + failureListeners.length === 0) return [];
      return [{ name, method, prototype, wrapper, owner, jobs, failureListeners }];
    });
  }

  private warnOfSecond(prototype: object, first: HostWrapper, second: HostWrapper): void {
    const [one, other] = [moduleOf(first), moduleOf(second)];
    this.logger.warn(
      `${classNameOf(prototype)} is provided twice, in ${one} and in ${other}: jobs and failures go to the one in ${one}. ` +
        'Provide it in one module and export it from there.',
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
  const type: unknown = wrapper.isNotMetatype ? madeLater(wrapper) : wrapper.metatype;
  return (type as { prototype?: object } | null | undefined)?.prototype;
}

/** The class that a factory is to make instances of per job, if its token is one: nothing else tells. */
function madeLater(wrapper: HostWrapper): unknown {
  return !isShared(wrapper) && typeof wrapper.token === 'function' ? wrapper.token : undefined;
}

function sameInstance(first: HostWrapper, second: HostWrapper): boolean {
  if (first === second) return true;
  return isShared(first) && first.instance === second.instance;
}
