import type { RunId } from '../../../id/ids.js';
import type { Scope } from '../../../scope/scope.js';
import type { CheckpointRecord } from '../../../workflow/checkpoint.js';
import { type RunEnd, RUN_STATES, type RunState } from '../../../workflow/run-state.js';
import type { ListRunsOptions, RunCounts, RunFilter, RunPage } from '../../../workflow/workflow-store.js';
import { checkOrder } from '../../cursor.js';
import { isInScope } from '../memory-job.js';
import type { MemoryData } from '../memory-data.js';
import { type MemoryRun, copyError, toRunRecord } from './memory-run.js';

function matches(run: MemoryRun, { states, name, parentRunId, since, until, scope }: RunFilter): boolean {
  return (
    (states === undefined || states.includes(run.state)) &&
    (name === undefined || run.name === name) &&
    (parentRunId === undefined || run.parentRunId === parentRunId) &&
    (since === undefined || run.createdAt >= since) &&
    (until === undefined || run.createdAt < until) &&
    isInScope(run, scope)
  );
}

/** One page of runs. */
export function listRuns(data: MemoryData, options: ListRunsOptions): RunPage {
  const { limit, cursor } = options;
  const order = checkOrder(options.order);
  const { rows, ...rest } = data.runs.runs.page({ limit, cursor, order }, (run) => matches(run, options));
  return { runs: rows.map(toRunRecord), ...rest };
}

/** Counts runs by state. */
export function countRuns(data: MemoryData, filter: RunFilter): RunCounts {
  const counts = Object.fromEntries(RUN_STATES.map((state) => [state, 0])) as Record<RunState, number>;
  for (const run of data.runs.runs.values()) if (matches(run, filter)) counts[run.state] += 1;
  return counts;
}

/** The checkpoints of every generation. */
export function listCheckpoints(data: MemoryData, id: RunId, scope: Scope | undefined): readonly CheckpointRecord[] {
  const run = data.runs.runs.get(id);
  if (!run || !isInScope(run, scope)) return [];
  return run.checkpoints
    .map((checkpoint) => ({ ...checkpoint, error: copyError(checkpoint.error) }))
    .sort((a, b) => a.generation - b.generation || a.seq - b.seq);
}

/** Deletes runs that ended long ago, oldest first. @returns how many */
export function pruneRuns(
  data: MemoryData,
  { state, olderThanMs, limit }: { readonly state: RunEnd; readonly olderThanMs: number; readonly limit: number },
  now: number,
): number {
  const old: MemoryRun[] = [];
  for (const run of data.runs.runs.values()) {
    if (run.state === state && run.completedAt! < now - olderThanMs) old.push(run);
  }
  const pruned = old.sort((a, b) => a.completedAt! - b.completedAt!).slice(0, limit);
  for (const run of pruned) data.runs.remove(run);
  return pruned.length;
}
