import type { RunId, WorkerId } from '../../../id/ids.js';
import type { CommitRunsResult, NextState, RunCommit } from '../../../workflow/run-commit.js';
import { decideRetry, hasStepsToUndo } from '../../../workflow/run-decisions.js';
import type { NewWait, OpenWaits } from '../../../workflow/wait.js';
import { later } from '../memory-job.js';
import type { MemoryData } from '../memory-data.js';
import { heldRun } from './held-run.js';
import { insertRun } from './insert-runs.js';
import { type MemoryRun, type MemoryWait, copyError, currentCheckpoints } from './memory-run.js';
import { isMet, openWaits } from './open-waits.js';

/** Writes what activations have to write, each under its fence. */
export function commitRuns(
  data: MemoryData,
  workerId: WorkerId,
  commits: readonly RunCommit[],
  now: number,
): CommitRunsResult {
  const lost: RunId[] = [];
  const open = new Map<RunId, OpenWaits>();
  const written: [MemoryRun, RunCommit][] = [];
  for (const commit of commits) {
    const run = heldRun(data, workerId, { id: commit.runId, attempt: commit.attempt });
    if (!run) lost.push(commit.runId);
    else {
      write(data, run, commit, now);
      written.push([run, commit]);
    }
  }
  for (const [run, { look, next }] of written) {
    if (next?.kind === 'parked' && run.workerId === null && isMet(data, run, now))
      data.runs.wake(run, now, now, data.wakes);
    else if (look && next === null) open.set(run.id, openWaits(data, run, now));
  }
  return { lost, open };
}

function write(data: MemoryData, run: MemoryRun, commit: RunCommit, now: number): void {
  const there = new Set(currentCheckpoints(run).map(({ seq }) => seq));
  for (const { elapsedMs, ...checkpoint } of commit.checkpoints) {
    if (there.has(checkpoint.seq)) continue;
    const { generation, attempt } = run;
    const startedAt = now - Math.round(elapsedMs);
    const error = copyError(checkpoint.error);
    run.checkpoints.push({ ...checkpoint, error, generation, attempt, startedAt, completedAt: now });
  }
  const over = new Set(commit.checkpoints.map(({ key }) => key));
  const waits = run.waits.filter(({ key }) => !over.has(key));
  for (const wait of commit.waits) if (!over.has(wait.key)) putWait(waits, wait, run, now);
  data.runs.setWaits(run, waits);
  for (const child of commit.children) {
    const siblings = data.runs.children.get(run.id) ?? [];
    const exists = data.runs.runs.has(child.id) || siblings.some(({ parentKey }) => parentKey === child.parentKey);
    if (!exists) insertRun(data, child, now);
  }
  if (commit.status !== undefined) run.status = commit.status;
  run.updatedAt = now;
  if (commit.checkpoints.length > 0 || commit.next?.kind === 'parked') {
    run.retryCount = 0;
    run.suspect = false;
  }
  if (commit.next) moveOn(data, run, commit.next, now);
}

function putWait(waits: MemoryWait[], wait: NewWait, run: MemoryRun, now: number): void {
  const { due, lookbackMs, ...rest } = wait;
  const there = waits.find(({ key, part }) => key === wait.key && part === wait.part);
  if (there?.tries === wait.tries) {
    there.rejected = [...wait.rejected];
    return;
  }
  const dueAt = due === null ? null : 'at' in due ? due.at : later(now, due.inMs);
  if (there) waits.splice(waits.indexOf(there), 1);
  waits.push({
    ...rest,
    rejected: [...rest.rejected],
    error: copyError(rest.error),
    dueAt,
    sinceAt: run.createdAt - lookbackMs,
  });
}

function moveOn(data: MemoryData, run: MemoryRun, next: NextState, now: number): void {
  switch (next.kind) {
    case 'completed':
      run.output = next.output;
      run.error = null;
      return data.runs.end(run, 'completed', now, data.wakes);
    case 'failed':
    case 'cancelled':
      run.error = copyError(next.error);
      return data.runs.end(run, next.kind, now, data.wakes);
    case 'compensating':
      Object.assign(run, { state: 'compensating', error: copyError(next.error), target: next.target });
      return;
    case 'parked': {
      data.runs.setWaits(
        run,
        run.waits.filter(({ key }) => next.open.includes(key)),
      );
      const { at = null, inMs = null } = next.wake ?? {};
      // Undoing has no deadline.
      const deadline = run.state === 'compensating' ? null : run.deadlineAt;
      const times = [at, inMs === null ? null : later(now, inMs), deadline].filter((time) => time !== null);
      return release(data, run, times.length === 0 ? null : Math.min(...times), now);
    }
    case 'stuck':
      run.error = copyError(next.error);
      return release(data, run, null, now);
    case 'released':
      return release(data, run, now, now);
    case 'retry':
      return retry(data, run, next, now);
  }
}

function retry(data: MemoryData, run: MemoryRun, next: NextState & { kind: 'retry' }, now: number): void {
  const decision = decideRetry(run, hasStepsToUndo(currentCheckpoints(run)));
  if (run.state !== 'compensating') run.error = copyError(next.error);
  if (decision === 'again') {
    run.retryCount += 1;
    return release(data, run, later(now, next.delayMs), now);
  }
  if (decision === 'compensating') {
    Object.assign(run, { state: 'compensating', target: 'failed', retryCount: 0 });
    return release(data, run, now, now);
  }
  data.runs.end(run, decision, now, data.wakes);
}

/** Lets a run go that has not ended. */
export function release(data: MemoryData, run: MemoryRun, wakeAt: number | null, now: number): void {
  data.runs.letGo(run);
  if (run.state === 'running') run.state = 'waiting';
  data.runs.wake(run, run.cancelRequestedAt === null ? wakeAt : now, now, data.wakes);
}
