import { type CheckpointRecord, checkpointKindOf, undoKeyOf } from './checkpoint.js';
import type { CancelMode, RunRecord } from './run-record.js';

/** What the decisions about a run look at. */
type Standing = Pick<RunRecord, 'state' | 'workerId' | 'retryCount' | 'maxRetries' | 'target'>;
type Recorded = Pick<CheckpointRecord, 'key' | 'seq' | 'afterSeq' | 'status' | 'undoable'>;

/** Whether a run has a step that can be undone and was not. @param checkpoints of its generation */
export function hasStepsToUndo(checkpoints: readonly Pick<Recorded, 'key' | 'status' | 'undoable'>[]): boolean {
  const undone = new Set(checkpoints.filter(({ status }) => status === 'completed').map(({ key }) => key));
  return checkpoints.some(
    ({ key, status, undoable }) => undoable && status === 'completed' && !undone.has(undoKeyOf(key)),
  );
}

/** What a cancel does to a run that has not ended. */
export function decideCancel(
  run: Standing,
  mode: CancelMode,
  undo: boolean,
): 'cancelled' | 'compensating' | 'requested' {
  if (run.workerId !== null) return 'requested';
  return mode === 'compensate' && (undo || run.state === 'compensating') ? 'compensating' : 'cancelled';
}

/** What an activation that failed, or lost its worker, leads to. */
export function decideRetry(run: Standing, undo: boolean): 'again' | 'compensating' | 'failed' | 'cancelled' {
  if (run.retryCount < run.maxRetries) return 'again';
  if (run.state !== 'compensating') return undo ? 'compensating' : 'failed';
  return run.target ?? 'failed';
}

/** How a run that failed or was cancelled goes on when it is retried by hand. */
export interface RetryPlan<Checkpoint> {
  readonly state: 'waiting' | 'compensating';
  /** The checkpoints of the next generation. */
  readonly keep: readonly Checkpoint[];
}

/**
 * Which checkpoints a retry keeps. Where undoing failed, it goes on undoing. Else it keeps what completed: steps that failed
 * run again, unless the method went on after the failure; and so do steps that were undone, with all that came after them.
 *
 * @param checkpoints of the run's generation, by `seq`
 */
export function planRetry<Checkpoint extends Recorded>(checkpoints: readonly Checkpoint[]): RetryPlan<Checkpoint> {
  const isUndo = ({ key }: Recorded): boolean => checkpointKindOf(key) === 'undo';
  if (checkpoints.some((each) => isUndo(each) && each.status === 'failed')) {
    return { state: 'compensating', keep: checkpoints.filter((each) => !isUndo(each) || each.status === 'completed') };
  }
  const undone = new Set(checkpoints.filter(isUndo).map(({ key }) => key));
  const forward = checkpoints.filter((each) => !isUndo(each));
  const failed = forward.filter(({ status }) => status === 'failed');
  const unhandled = failed.filter(({ seq }) => !forward.some(({ afterSeq }) => afterSeq >= seq));
  const again = [
    ...forward.filter(({ key }) => undone.has(undoKeyOf(key))),
    ...(unhandled.length > 0 || undone.size > 0 ? unhandled : failed.slice(-1)),
  ];
  const first = Math.min(...again.map(({ seq }) => seq));
  const dropped = new Set<Recorded>(again);
  return {
    state: 'waiting',
    keep: forward.filter((each) => !dropped.has(each) && !(again.length > 0 && each.afterSeq >= first)),
  };
}
