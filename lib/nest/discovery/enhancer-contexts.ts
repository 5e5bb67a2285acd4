import { Inject, Injectable } from '@nestjs/common';
import {
  EXCEPTION_FILTERS_METADATA,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  PIPES_METADATA,
} from '@nestjs/common/constants.js';
import { ApplicationConfig, ExternalContextCreator, ModulesContainer } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import type { JobContext } from '../../job/job-context.js';
import { BODY_PARAMETER } from '../decorators/metadata.js';
import { DISPATCH_CONTEXT } from '../dispatch-context.js';
import type { DispatchLogger } from '../../observability/logger.js';
import type { DispatchModuleOptions } from '../dispatch.module-options.js';
import { DISPATCH_LOGGER, DISPATCH_OPTIONS } from '../tokens.js';
import { GlobalEnhancers, derived } from './global-enhancers.js';
import { classOf } from './class-of.js';
import { type HandlerTarget, fieldOf } from './handler-target.js';
import { untilGivenUp } from './until-given-up.js';

/** Called with the payload and the context of a job. */
export type ContextCall<T> = (payload: unknown, context: JobContext) => Promise<T>;

/** On a class and method name: the method's parameters in the form that Nest's context creator reads. */
const NEST_PARAMETERS_METADATA = 'dispatch:nest-parameters';

/**
 * Builds what surrounds a handler with Nest's `ExternalContextCreator`, in three parts, as jobs part ways with requests
 * between them: guards and interceptors around the call, pipes for its arguments, filters for its errors.
 */
@Injectable()
export class EnhancerContexts {
  private readonly calls: ExternalContextCreator;
  /** Calls with interceptors, which may go on for ever. */
  private readonly intercepted: ExternalContextCreator;
  /** On its own, since Nest 11 remembers parameters by method alone and the calls have none. */
  private readonly inputs: ExternalContextCreator;
  private readonly globals: GlobalEnhancers;

  constructor(
    modules: ModulesContainer,
    config: ApplicationConfig,
    @Inject(DISPATCH_OPTIONS) options: DispatchModuleOptions | undefined,
    @Inject(DISPATCH_LOGGER) logger: DispatchLogger,
  ) {
    this.globals = new GlobalEnhancers(config, options?.useGlobalEnhancers, logger);
    const create = (applicationConfig: GlobalEnhancers): ExternalContextCreator => {
      // Only these two of the container's parts are read.
      const container: unknown = { getModules: () => modules, applicationConfig };
      return ExternalContextCreator.fromContainer(
        container as Parameters<typeof ExternalContextCreator.fromContainer>[0],
      );
    };
    const { globals } = this;
    this.calls = create(globals);
    this.intercepted = create(
      derived(globals, { getGlobalInterceptors: () => [untilGivenUp, ...globals.getGlobalInterceptors()] }),
    );
    this.inputs = create(globals);
  }

  /** @throws InvalidOptionsError when something of the whole application cannot be applied to jobs */
  check(): void {
    this.globals.check();
  }

  /** The guard of the whole application that threw this denial, by name. */
  globalGuardOf(denial: object): string | undefined {
    return this.globals.guardOf(denial);
  }

  /** Whether anything at all surrounds a handler. If not, it is called directly. */
  hasAny(target: HandlerTarget): boolean {
    return (
      isBound(GUARDS_METADATA, target) ||
      this.globals.getGlobalGuards().length > 0 ||
      this.hasInterceptors(target) ||
      this.hasInputs(target) ||
      this.hasFilters(target)
    );
  }

  /** Guards, then interceptors, then `call`. */
  around(target: HandlerTarget, call: ContextCall<unknown>): ContextCall<unknown> {
    const { instance, name, method, context } = target;
    const creator = this.hasInterceptors(target) ? this.intercepted : this.calls;
    return creator.create(
      instance,
      inherit(method, call),
      name,
      undefined,
      undefined,
      context?.contextId,
      context?.inquirerId,
      { guards: true, interceptors: true, filters: false },
      DISPATCH_CONTEXT,
    );
  }

  /** The arguments of a handler whose parameters have pipes or decorators of Nest's; `undefined` if they have none. */
  inputsOf(target: HandlerTarget): ContextCall<unknown[]> | undefined {
    if (!this.hasInputs(target)) return undefined;
    const { instance, name, method, context, parameters } = target;
    const piped: Record<string, object> = { ...parameters.custom };
    for (const parameter of parameters.own) {
      const { kind, index } = parameter;
      if (kind === 'payload')
        piped[`${BODY_PARAMETER}:${index}`] = { index, data: parameter.field, pipes: [...parameter.pipes] };
    }
    if (Object.keys(piped).length === 0) return undefined;
    Reflect.defineMetadata(NEST_PARAMETERS_METADATA, piped, classOf(instance), name);
    const read = this.inputs.create(
      instance,
      inherit(method, (...args: unknown[]) => args),
      name,
      NEST_PARAMETERS_METADATA,
      { exchangeKeyForValue: (_type, field, args: unknown[]) => fieldOf(args[0], field as string | undefined) },
      context?.contextId,
      context?.inquirerId,
      { guards: false, interceptors: false, filters: false },
      DISPATCH_CONTEXT,
    ) as ContextCall<unknown[]>;
    const contextIndexes = parameters.own.filter(({ kind }) => kind === 'context').map(({ index }) => index);
    return async (payload, jobContext) => {
      const args = await read(payload, jobContext);
      // The context is no input: pipes do not see it.
      for (const index of contextIndexes) args[index] = jobContext;
      return args;
    };
  }

  /**
   * Shows an error to the filters of a handler. @returns the error that stands after them: the same one, or what a
   * filter threw in its place; what filters return, now or later, does not make the job a success
   */
  filtersOf(
    target: HandlerTarget,
  ): ((error: unknown, ...job: Parameters<ContextCall<unknown>>) => Promise<unknown>) | undefined {
    if (!this.hasFilters(target)) return undefined;
    const { instance, name, method, context } = target;
    const errors = new WeakMap<JobContext, unknown>();
    const filter = this.calls.create(
      instance,
      inherit(method, (_payload: unknown, jobContext: JobContext) => {
        throw errors.get(jobContext);
      }),
      name,
      undefined,
      undefined,
      context?.contextId,
      context?.inquirerId,
      { guards: false, interceptors: false, filters: true },
      DISPATCH_CONTEXT,
    ) as ContextCall<unknown>;
    return async (error, payload, jobContext) => {
      errors.set(jobContext, error);
      try {
        const returned = await filter(payload, jobContext);
        // Filters of message handlers throw by an Observable, which does nothing until somebody subscribes.
        if (isObservable(returned)) await lastValueFrom(returned, { defaultValue: undefined });
        return error;
      } catch (standing) {
        return standing;
      }
    };
  }

  private hasInterceptors(target: HandlerTarget): boolean {
    return isBound(INTERCEPTORS_METADATA, target) || this.globals.getGlobalInterceptors().length > 0;
  }

  private hasInputs(target: HandlerTarget): boolean {
    const { own, custom } = target.parameters;
    return (
      isBound(PIPES_METADATA, target) ||
      Object.keys(custom).length > 0 ||
      own.some((parameter) => parameter.kind === 'payload' && parameter.pipes.length > 0) ||
      this.globals.getGlobalPipes().length > 0
    );
  }

  private hasFilters(target: HandlerTarget): boolean {
    return isBound(EXCEPTION_FILTERS_METADATA, target) || this.globals.getGlobalFilters().length > 0;
  }
}

function isBound(key: string, { instance, method }: HandlerTarget): boolean {
  return [method, classOf(instance)].some(
    (place) => ((Reflect.getMetadata(key, place) as readonly unknown[] | undefined)?.length ?? 0) > 0,
  );
}

/**
 * Makes a function pass for the handler: guards and interceptors get it from `getHandler()` and find the metadata of
 * the method on it.
 */
function inherit<F extends (...args: never[]) => unknown>(method: object & { readonly name: string }, fn: F) {
  Object.defineProperty(fn, 'name', { value: method.name });
  return Object.setPrototypeOf(fn, method) as (...args: unknown[]) => unknown;
}
