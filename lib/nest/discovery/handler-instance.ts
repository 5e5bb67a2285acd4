import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import type { HostWrapper } from './discovered-method.js';

type ContextId = ReturnType<typeof ContextIdFactory.getByRequest>;

/** What a method is called on, and in which of Nest's contexts its enhancers are to be found. */
export interface HandlerInstance {
  readonly instance: object;
  /** Only of an instance that was made for one job. */
  readonly context?: { readonly contextId: ContextId; readonly inquirerId: string };
}

/** Whether one instance serves every job. If not, one is made for each. */
export function isShared(wrapper: HostWrapper): boolean {
  return wrapper.isDependencyTreeStatic() && !wrapper.isTransient;
}

/** The instance that serves every job. */
export function sharedInstance(wrapper: HostWrapper): HandlerInstance {
  return { instance: wrapper.instance as object };
}

/**
 * Makes the instance of one job, with everything it depends on that is made per request; the job can be injected as
 * `REQUEST`.
 */
export async function instanceFor(wrapper: HostWrapper, job: object): Promise<HandlerInstance> {
  const moduleRef = wrapper.host?.getProviderByKey<ModuleRef>(ModuleRef)?.instance;
  if (!moduleRef) throw new Error(`${wrapper.name} belongs to no module: no instance of it can be made`);
  const contextId = ContextIdFactory.getByRequest(job);
  moduleRef.registerRequestByContextId(requestOf(wrapper, job, contextId), contextId);
  const instance = await moduleRef.resolve<object>(wrapper.token as string, contextId, { strict: true });
  return { instance, context: { contextId, inquirerId: wrapper.id } };
}

/**
 * What is injected as `REQUEST`, by the rule of Nest's own router: in a durable tree what the application's
 * `ContextIdStrategy` says, as its instances outlive the job; else the job, with that added to it.
 */
function requestOf(wrapper: HostWrapper, job: object, { payload }: ContextId): unknown {
  if (wrapper.isDependencyTreeDurable()) return payload;
  if (typeof payload !== 'object' || payload === null) return job;
  return Object.isFrozen(job) ? Object.assign(Object.create(job) as object, payload) : Object.assign(job, payload);
}
