import type { RunId, WorkerId } from '../../../id/ids.js';
import type { ClaimedRun, HeldRun } from '../../../workflow/run-record.js';
import type { ClaimRunsRequest, ClaimRunsResult, RunHistory } from '../../../workflow/workflow-store.js';
import type { OpenWaits } from '../../../workflow/wait.js';
import type { MemoryData } from '../memory-data.js';
import { isAlive } from '../workers.js';
import { heldRun } from './held-run.js';
import { type MemoryRun, currentCheckpoints, toRunRecord } from './memory-run.js';
import { openWaits } from './open-waits.js';

/** Leases due runs to a worker. */
export function claimRuns(data: MemoryData, request: ClaimRunsRequest, now: number): ClaimRunsResult {
  const { workerId, workflows, limit, suspectLimit } = request;
  const worker = data.workers.get(workerId);
  const workerAlive = worker !== undefined && worker.state !== 'dead';
  const suspects = new Set<RunId>();
  if (worker?.state !== 'active' || !isAlive(worker, now)) {
    return { runs: [], suspects, nextDueInMs: null, workerAlive };
  }
  const runs: ClaimedRun[] = [];
  const { due } = data.runs;
  while (runs.length < limit) {
    const ready = due.first(workflows, false);
    const suspect = suspects.size < suspectLimit ? due.first(workflows, true) : undefined;
    const run = [ready, suspect]
      .filter((each): each is MemoryRun => each !== undefined && each.wakeAt! <= now)
      .sort((a, b) => a.wakeAt! - b.wakeAt! || (a.id < b.id ? -1 : 1))[0];
    if (!run) break;
    if (run.suspect) suspects.add(run.id);
    runs.push(start(data, run, workerId, now));
  }
  const next = [due.first(workflows, false), due.first(workflows, true)].flatMap((run) => run?.wakeAt ?? []);
  return { runs, suspects, nextDueInMs: next.length === 0 ? null : Math.max(0, Math.min(...next) - now), workerAlive };
}

function start(data: MemoryData, run: MemoryRun, workerId: WorkerId, now: number): ClaimedRun {
  data.runs.hold(run, workerId);
  const state = run.state === 'compensating' ? 'compensating' : 'running';
  run.state = state;
  run.attempt += 1;
  run.startedAt ??= now;
  run.deadlineAt ??= run.timeoutMs > 0 ? now + run.timeoutMs : null;
  run.updatedAt = now;
  return { ...toRunRecord(run), state, workerId, startedAt: run.startedAt, claimedAt: now };
}

/** What the holder of runs needs for their replay. */
export function loadHistory(
  data: MemoryData,
  workerId: WorkerId,
  runs: readonly HeldRun[],
  now: number,
): ReadonlyMap<RunId, RunHistory> {
  return mapHeld(data, workerId, runs, (run) => ({
    ...openWaits(data, run, now),
    checkpoints: currentCheckpoints(run)
      .map((checkpoint) => ({ ...checkpoint }))
      .sort((a, b) => a.seq - b.seq),
  }));
}

/** What has come of the waits of held runs. */
export function loadWaits(
  data: MemoryData,
  workerId: WorkerId,
  runs: readonly HeldRun[],
  now: number,
): ReadonlyMap<RunId, OpenWaits> {
  return mapHeld(data, workerId, runs, (run) => openWaits(data, run, now));
}

function mapHeld<T>(
  data: MemoryData,
  workerId: WorkerId,
  runs: readonly HeldRun[],
  read: (run: MemoryRun) => T,
): ReadonlyMap<RunId, T> {
  const found = new Map<RunId, T>();
  for (const held of runs) {
    const run = heldRun(data, workerId, held);
    if (run) found.set(run.id, read(run));
  }
  return found;
}
