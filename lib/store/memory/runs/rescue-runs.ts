import { WorkerLostError } from '../../../errors.js';
import { decideRetry, hasStepsToUndo } from '../../../workflow/run-decisions.js';
import type { RescuedRun } from '../../../workflow/workflow-store.js';
import type { MemoryData } from '../memory-data.js';
import { isAlive } from '../workers.js';
import { release } from './commit-runs.js';
import { type MemoryRun, currentCheckpoints, toRunRecord } from './memory-run.js';

/** Declares workers dead and frees the runs that they held. */
export function rescueRuns(data: MemoryData, limit: number, now: number): readonly RescuedRun[] {
  for (const [id, worker] of data.workers) {
    if (!isAlive(worker, now)) data.workers.set(id, { ...worker, state: 'dead' });
  }
  const orphans: MemoryRun[] = [];
  for (const [workerId, runs] of data.runs.held) {
    const worker = data.workers.get(workerId);
    if (!worker || !isAlive(worker, now)) orphans.push(...runs);
  }
  return orphans.slice(0, limit).map((run) => {
    const workerId = run.workerId!;
    free(data, run, now);
    return { run: toRunRecord(run), workerId };
  });
}

function free(data: MemoryData, run: MemoryRun, now: number): void {
  const decision = decideRetry(run, hasStepsToUndo(currentCheckpoints(run)));
  if (decision === 'again') {
    run.retryCount += 1;
    run.suspect = true;
    return release(data, run, now, now);
  }
  if (run.state !== 'compensating') {
    const { name, message, code } = new WorkerLostError(`worker ${run.workerId} died or lost its lease.`);
    run.error = { name, message, code };
  }
  if (decision !== 'compensating') return data.runs.end(run, decision, now, data.wakes);
  Object.assign(run, { state: 'compensating', target: 'failed', retryCount: 0, suspect: true });
  release(data, run, now, now);
}
