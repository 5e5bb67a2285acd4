import { RunNotFoundError } from '../../../errors.js';
import type { RunId } from '../../../id/ids.js';
import type { Scope } from '../../../scope/scope.js';
import type { CheckpointRecord } from '../../../workflow/checkpoint.js';
import type { RunRecord } from '../../../workflow/run-record.js';
import { decideCancel, hasStepsToUndo, planRetry } from '../../../workflow/run-decisions.js';
import { checkRunAction, noSuchCheckpoint } from '../../../workflow/run-refusals.js';
import { isRunEnded } from '../../../workflow/run-state.js';
import type { CancelRunOptions } from '../../../workflow/workflow-store.js';
import { isInScope } from '../memory-job.js';
import type { MemoryData } from '../memory-data.js';
import { type MemoryRun, currentCheckpoints, toRunRecord } from './memory-run.js';

function findRun(data: MemoryData, id: RunId, scope: Scope | undefined): MemoryRun {
  const run = data.runs.runs.get(id);
  if (!run || !isInScope(run, scope)) throw new RunNotFoundError(id);
  return run;
}

interface Cancelled {
  readonly kind: 'cancelled' | 'compensating' | 'requested';
  readonly run: RunRecord;
}

/** Cancels a run and its children, or asks the workers that hold them. */
export function cancelRun(data: MemoryData, id: RunId, { mode, scope }: CancelRunOptions, now: number): Cancelled {
  const run = findRun(data, id, scope);
  checkRunAction('cancel', run);
  const kind = cancel(data, run, mode, now);
  cancelChildren(data, run, mode, now);
  return { kind, run: toRunRecord(run) };
}

function cancelChildren(data: MemoryData, run: MemoryRun, mode: CancelRunOptions['mode'], now: number): void {
  for (const child of data.runs.children.get(run.id) ?? []) {
    if (child.onParentCancel !== 'cancel') continue;
    if (!isRunEnded(child.state)) cancel(data, child, mode, now);
    cancelChildren(data, child, mode, now);
  }
}

function cancel(data: MemoryData, run: MemoryRun, mode: CancelRunOptions['mode'], now: number): Cancelled['kind'] {
  const kind = decideCancel(run, mode, hasStepsToUndo(currentCheckpoints(run)));
  run.cancelRequestedAt ??= now;
  run.cancelMode = mode;
  run.updatedAt = now;
  if (kind === 'requested') data.wakes.cancelRun(run.id, run.workerId!);
  else if (kind === 'cancelled') data.runs.end(run, 'cancelled', now, data.wakes);
  else {
    Object.assign(run, { state: 'compensating', target: 'cancelled' });
    data.runs.wake(run, now, now, data.wakes);
  }
  return kind;
}

/** Lets a failed or cancelled run go on. */
export function retryRun(data: MemoryData, id: RunId, scope: Scope | undefined, now: number): RunRecord {
  const run = findRun(data, id, scope);
  checkRunAction('retry', run);
  const { state, keep } = planRetry([...currentCheckpoints(run)].sort((a, b) => a.seq - b.seq));
  goOn(data, run, state, keep, now);
  return toRunRecord(run);
}

/** Lets a run go on from a step. */
export function replayRun(data: MemoryData, id: RunId, key: string, scope: Scope | undefined, now: number): RunRecord {
  const run = findRun(data, id, scope);
  checkRunAction('replay', run);
  const current = currentCheckpoints(run);
  const from = current.find((checkpoint) => checkpoint.key === key);
  if (!from) throw noSuchCheckpoint(id, key, run.state);
  run.replays += 1;
  goOn(
    data,
    run,
    'waiting',
    current.filter(({ seq }) => seq < from.seq),
    now,
  );
  return toRunRecord(run);
}

function goOn(
  data: MemoryData,
  run: MemoryRun,
  state: 'waiting' | 'compensating',
  keep: readonly CheckpointRecord[],
  now: number,
): void {
  run.generation += 1;
  run.checkpoints.push(...keep.map((checkpoint) => ({ ...checkpoint, generation: run.generation })));
  data.runs.setWaits(run, []);
  data.runs.due.remove(run);
  Object.assign(run, { state, output: null, completedAt: null, retryCount: 0, suspect: false });
  Object.assign(run, { cancelRequestedAt: null, cancelMode: null, deadlineAt: null });
  if (state === 'waiting') Object.assign(run, { error: null, target: null });
  data.runs.wake(run, now, now, data.wakes);
}

/** Makes a waiting run due now. */
export function resumeRun(data: MemoryData, id: RunId, scope: Scope | undefined, now: number): RunRecord {
  const run = findRun(data, id, scope);
  checkRunAction('resume', run);
  if (run.state !== 'compensating') run.error = null;
  data.runs.wake(run, now, now, data.wakes);
  return toRunRecord(run);
}

/** Moves a run to another version. */
export function migrateRun(
  data: MemoryData,
  id: RunId,
  version: number,
  scope: Scope | undefined,
  now: number,
): RunRecord {
  const run = findRun(data, id, scope);
  checkRunAction('migrate', run);
  data.runs.due.remove(run);
  run.version = version;
  if (isRunEnded(run.state)) run.updatedAt = now;
  else data.runs.wake(run, run.wakeAt, now, data.wakes);
  return toRunRecord(run);
}
