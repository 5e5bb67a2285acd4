import { HttpException } from '@nestjs/common';
import { ControlOutcome, NonRetryableError } from '../../job/control-outcomes.js';
import type { JobContext } from '../../job/job-context.js';
import type { JobHandler } from '../../job/job-handler.js';
import { JobRejectedError } from '../job-rejected-error.js';
import type { EnhancerContexts } from './enhancer-contexts.js';
import { type HandlerTarget, callTarget, plainArguments } from './handler-target.js';

/** How far a job has come, and what its handler threw when it was called last. */
interface Call {
  stage: 'guards' | 'pipes' | 'handler';
  thrown: unknown;
}

/**
 * A handler with its guards, interceptors, pipes and filters around it. Nest's enhancers are made for requests, where
 * every error becomes a response; here an error must stay one:
 *  - what filters return is no success, what they throw takes the error's place;
 *  - a control outcome of the handler reaches the engine whatever they, or interceptors, make of it;
 *  - what a guard denies (401, 403) or a pipe refuses (4xx) is not tried again.
 */
export function createEnhancedHandler(target: HandlerTarget, contexts: EnhancerContexts): JobHandler {
  const calls = new WeakMap<JobContext, Call>();
  const inputs = contexts.inputsOf(target);
  const filters = contexts.filtersOf(target);

  const around = contexts.around(target, async (payload, context) => {
    const call = calls.get(context) ?? begin(calls, context);
    call.stage = 'pipes';
    call.thrown = undefined;
    const args = inputs ? await inputs(payload, context) : plainArguments(target.parameters, payload, context);
    call.stage = 'handler';
    // Guards and pipes may have taken longer than the attempt had: its slot is given away, and what it did would count for nothing.
    context.signal.throwIfAborted();
    try {
      return await callTarget(target, args, context);
    } catch (error) {
      call.thrown = error;
      throw error;
    }
  });

  return async (payload, context) => {
    const call = begin(calls, context);
    let result: unknown;
    try {
      result = await around(payload, context);
    } catch (error) {
      if (isFinalWord(call.thrown)) throw call.thrown;
      if (isFinalWord(error)) throw error;
      const standing = filters ? await filters(error, payload, context) : error;
      throw isRejection(error, call) && !isFinalWord(standing) ? rejected(target, contexts, error, standing) : standing;
    }
    if (call.thrown instanceof ControlOutcome) throw call.thrown;
    return result;
  };
}

function begin(calls: WeakMap<JobContext, Call>, context: JobContext): Call {
  const call: Call = { stage: 'guards', thrown: undefined };
  calls.set(context, call);
  return call;
}

/** Whether an error already says how the job is to end. */
function isFinalWord(error: unknown): boolean {
  return error instanceof ControlOutcome || error instanceof NonRetryableError;
}

function isRejection(error: unknown, { stage }: Call): error is HttpException {
  if (stage === 'handler' || !(error instanceof HttpException)) return false;
  const status = error.getStatus();
  return stage === 'guards' ? status === 401 || status === 403 : status >= 400 && status < 500;
}

/** The error of a rejection, with what a filter made of the exception as its cause. */
function rejected(
  { owner }: HandlerTarget,
  contexts: EnhancerContexts,
  exception: HttpException,
  standing: unknown,
): JobRejectedError {
  const error = new JobRejectedError(owner, exception, contexts.globalGuardOf(exception));
  if (standing !== exception) error.cause = standing;
  return error;
}
