import type { ArgumentsHost, ExecutionContext } from '@nestjs/common';
import type { JobContext } from '../job/job-context.js';

/**
 * What `getType()` of an ExecutionContext says for a job. Its arguments are the payload and the job's context, also to
 * be had from `switchToRpc()` as `getData()` and `getContext()`.
 */
export const DISPATCH_CONTEXT = 'dispatch';

/** The type of {@link DISPATCH_CONTEXT}, for `getType<DispatchContextType | ContextType>()`. */
export type DispatchContextType = typeof DISPATCH_CONTEXT;

/** Whether a guard, interceptor or filter is called for a job, and not for a request. */
export function isDispatchContext(host: ArgumentsHost): boolean {
  return host.getType<string>() === DISPATCH_CONTEXT;
}

/**
 * The ExecutionContext of a job under names of its own, for guards, interceptors and filters:
 *
 *     const job = DispatchExecutionContext.create(context).getJob();
 */
export class DispatchExecutionContext {
  private constructor(private readonly host: ArgumentsHost) {}

  /** @throws TypeError when the host is that of a request, see {@link isDispatchContext} */
  static create(host: ArgumentsHost): DispatchExecutionContext {
    if (isDispatchContext(host)) return new DispatchExecutionContext(host);
    throw new TypeError(
      `DispatchExecutionContext.create was given a context of type "${host.getType<string>()}": ask isDispatchContext(host) first where requests pass as well.`,
    );
  }

  getType(): DispatchContextType {
    return DISPATCH_CONTEXT;
  }

  /** What the job was enqueued with, decoded and checked by its schema. */
  getPayload<Input = unknown>(): Input {
    return this.host.getArgByIndex<Input>(0);
  }

  /** The running attempt. */
  getJob<Input = unknown>(): JobContext<Input> {
    return this.host.getArgByIndex<JobContext<Input>>(1);
  }

  /** The class of the handler; `null` in a filter. */
  getClass(): ReturnType<ExecutionContext['getClass']> | null {
    return (this.host as ExecutionContext).getClass();
  }

  /** The method of the handler; `null` in a filter. */
  getHandler(): ReturnType<ExecutionContext['getHandler']> | null {
    return (this.host as ExecutionContext).getHandler();
  }
}
