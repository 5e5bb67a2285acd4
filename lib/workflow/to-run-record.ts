import type { NewRun, RunRecord } from './run-record.js';

/** What the row of a run that was just inserted says. */
export function toNewRunRecord(run: NewRun, now: number): RunRecord {
  return {
    ...run,
    state: 'pending',
    output: null,
    error: null,
    status: null,
    generation: 1,
    replays: 0,
    attempt: 0,
    retryCount: 0,
    wakeAt: now,
    deadlineAt: null,
    workerId: null,
    cancelRequestedAt: null,
    cancelMode: null,
    target: null,
    startedAt: null,
    completedAt: null,
    createdAt: now,
    updatedAt: now,
  };
}
