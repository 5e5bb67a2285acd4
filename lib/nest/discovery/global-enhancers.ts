import type {
  ArgumentsHost,
  CallHandler,
  CanActivate,
  ExceptionFilter,
  ExecutionContext,
  NestInterceptor,
} from '@nestjs/common';
import { ForbiddenException, HttpException } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import { DispatchError, InvalidOptionsError } from '../../errors.js';
import type { JobContext } from '../../job/job-context.js';
import { type DispatchLogger, errorText } from '../../observability/logger.js';
import { classNameOf } from './class-of.js';
import type { DispatchModuleOptions, EnhancerKind } from '../dispatch.module-options.js';

const KINDS: readonly EnhancerKind[] = ['guards', 'pipes', 'interceptors', 'filters'];

/** A guard, interceptor or filter of the whole application is made for HTTP requests, and met a job. */
export class GlobalEnhancerError extends DispatchError {
  readonly code = 'GLOBAL_ENHANCER';
}

/**
 * The enhancers that are registered for the whole application, as far as jobs have to do with them. Mostly they are written
 * for HTTP requests: asked for one, a job says so clearly, instead of passing its payload for a request.
 */
export class GlobalEnhancers extends ApplicationConfig {
  private readonly kinds: readonly EnhancerKind[];
  private readonly denials = new WeakMap<object, string>();

  /** @throws InvalidOptionsError when `useGlobalEnhancers` is something else than it can be */
  constructor(
    private readonly application: ApplicationConfig,
    option: DispatchModuleOptions['useGlobalEnhancers'],
    private readonly logger: DispatchLogger,
  ) {
    super();
    this.kinds = kindsOf(option);
  }

  override getGlobalGuards(): CanActivate[] {
    return this.of('guards', ({ application }) => application.getGlobalGuards()).map((guard) =>
      derived(guard, { canActivate: (context: ExecutionContext) => this.ask(guard, context) }),
    );
  }

  override getGlobalInterceptors(): NestInterceptor[] {
    return this.of('interceptors', ({ application }) => application.getGlobalInterceptors()).map((interceptor) =>
      derived(interceptor, {
        intercept: (context: ExecutionContext, next: CallHandler) =>
          interceptor.intercept(withoutHttp(context, interceptor, 'interceptors'), next),
      }),
    );
  }

  override getGlobalFilters(): ExceptionFilter[] {
    return this.of('filters', ({ application }) => application.getGlobalFilters()).map((filter) =>
      derived(filter, { catch: (error: unknown, host: ArgumentsHost) => this.show(filter, error, host) }),
    );
  }

  override getGlobalPipes(): ReturnType<ApplicationConfig['getGlobalPipes']> {
    return this.of('pipes', ({ application }) => application.getGlobalPipes());
  }

  /** The guard of the whole application that threw this denial, by name. */
  guardOf(denial: object): string | undefined {
    return this.denials.get(denial);
  }

  /**
   * Those that are made per request would be left out without a word where the handler is not: a job must not run
   * without a guard because of that.
   *
   * @throws InvalidOptionsError naming one
   */
  check(): void {
    const { application } = this;
    const scoped = {
      guards: application.getGlobalRequestGuards(),
      pipes: application.getGlobalRequestPipes(),
      interceptors: application.getGlobalRequestInterceptors(),
      filters: application.getGlobalRequestFilters(),
    };
    for (const kind of this.kinds) {
      const [first] = scoped[kind];
      if (!first) continue;
      throw new InvalidOptionsError(
        `"useGlobalEnhancers" cannot apply ${first.name} to jobs, as it is made per request. Bind it to the handlers' classes. ${adviceOn(kind)}`,
      );
    }
  }

  private of<T>(kind: EnhancerKind, read: (self: this) => T[]): T[] {
    return this.kinds.includes(kind) ? read(this) : [];
  }

  private async ask(guard: CanActivate, context: ExecutionContext): Promise<boolean> {
    try {
      const answer = await guard.canActivate(withoutHttp(context, guard, 'guards'));
      if (isObservable(answer) ? await lastValueFrom(answer) : answer) return true;
      throw new ForbiddenException('Forbidden resource');
    } catch (error) {
      if (error instanceof HttpException) this.denials.set(error, classNameOf(guard));
      if (error instanceof HttpException || error instanceof GlobalEnhancerError) throw error;
      throw new GlobalEnhancerError(
        `the global guard ${classNameOf(guard)} failed for job "${jobOf(context).name}": ${errorText(error)}. ${adviceOn('guards')}`,
        { cause: error },
      );
    }
  }

  /** A filter that looks for a response finds none: the error that it was shown stands, and is not replaced by that. */
  private async show(filter: ExceptionFilter, error: unknown, host: ArgumentsHost): Promise<unknown> {
    try {
      return (await filter.catch(error, withoutHttp(host, filter, 'filters'))) as unknown;
    } catch (thrown) {
      if (!(thrown instanceof GlobalEnhancerError)) throw thrown;
      this.logger.warn(thrown.message);
      throw error;
    }
  }
}

/** What to do about one that is in the way of jobs. */
export function adviceOn(kind: EnhancerKind): string {
  const others = KINDS.filter((one) => one !== kind).map((one) => `'${one}'`);
  return `If it is meant for HTTP requests, let it ask isDispatchContext(context) first, or leave ${kind} out: useGlobalEnhancers: [${others.join(', ')}].`;
}

/** The same context, without a way to take its payload for a request. */
function withoutHttp<Host extends ArgumentsHost>(host: Host, enhancer: object, kind: EnhancerKind): Host {
  return derived(host, {
    switchToHttp(): never {
      throw new GlobalEnhancerError(
        `the global ${kind.slice(0, -1)} ${classNameOf(enhancer)} asked for the HTTP request of job "${jobOf(host).name}", which has none. ${adviceOn(kind)}`,
      );
    },
  });
}

/** An object that is another one but for some methods: of its class, to `instanceof` and to metadata. */
export function derived<T extends object>(original: T, methods: Record<string, (...args: never[]) => unknown>): T {
  const own = Object.fromEntries(Object.entries(methods).map(([name, value]) => [name, { value }]));
  return Object.create(original, own) as T;
}

function jobOf(host: ArgumentsHost): JobContext {
  return host.getArgByIndex<JobContext>(1);
}

function kindsOf(option: DispatchModuleOptions['useGlobalEnhancers'] = false): readonly EnhancerKind[] {
  if (typeof option === 'boolean') return option ? KINDS : [];
  if (Array.isArray(option) && option.every((kind) => KINDS.includes(kind as EnhancerKind)))
    return option as readonly EnhancerKind[];
  throw new InvalidOptionsError(
    `"useGlobalEnhancers" must be true, false or a list of ${KINDS.map((kind) => `'${kind}'`).join(', ')} (got ${JSON.stringify(option)}).`,
  );
}
