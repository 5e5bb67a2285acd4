import type { ArgumentsHost } from '@nestjs/common';

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
