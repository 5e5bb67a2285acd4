import { type ErrorRecord, toErrorRecord } from '../job/job-error.js';
import type { ClaimedRun } from './run-record.js';
import { RunCancelledError, RunTimeoutError } from './workflow-errors.js';

/** Why and where to a run turns around. */
export interface Turn {
  readonly error: ErrorRecord;
  readonly target: 'failed' | 'cancelled';
  /** Whether steps are undone first. */
  readonly undo: boolean;
  /** Why steps that are under way have to stop. */
  readonly reason: Error;
}

/** A cancel. */
export function cancelTurn(runId: string, undo: boolean): Turn {
  const reason = new RunCancelledError(runId);
  return { error: toErrorRecord(reason), target: 'cancelled', undo, reason };
}

/** The end of the run's time. */
export function timeoutTurn(timeoutMs: number): Turn {
  const reason = new RunTimeoutError(timeoutMs);
  return { error: toErrorRecord(reason), target: 'failed', undo: true, reason };
}

/** What a run that was claimed has to do other than go on; `undefined` when it goes on. */
export function turnOfClaim(run: ClaimedRun): Turn | undefined {
  const cancelled = cancelTurn(run.id, run.cancelMode !== 'stop');
  const error = run.state === 'compensating' ? (run.error ?? cancelled.error) : cancelled.error;
  if (run.cancelRequestedAt !== null) return { ...cancelled, error };
  if (run.state === 'compensating') return { ...cancelled, error, target: run.target ?? 'failed', undo: true };
  return run.deadlineAt !== null && run.deadlineAt <= run.claimedAt ? timeoutTurn(run.timeoutMs) : undefined;
}
