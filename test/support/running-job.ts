import { type WorkerId, newWorkerId } from '../../lib/id/ids.js';
import type { ClaimedJob } from '../../lib/job/job-record.js';
import { newJob } from '../../lib/testing/store-contract/fixtures.js';
import { type ReportSink, RunningJob } from '../../lib/worker/running-job.js';

/** A job as a claim returns it; `overrides` say what is special about it. */
export function claimedJob(overrides: Partial<ClaimedJob> = {}): ClaimedJob {
  const { runAt: _runAt, delayMs: _delayMs, uniqueForMs: _uniqueForMs, onConflict: _onConflict, ...facts } = newJob();
  return { ...facts, attempt: 1, retryCount: 0, runAt: 1_000, createdAt: 500, startedAt: 2_000, ...overrides };
}

const SILENT: ReportSink = { progress: () => undefined, log: () => undefined };

/** One attempt under way, outside any worker. */
export function runningJob(
  overrides: Partial<ClaimedJob> = {},
  about: {
    readonly workerId?: WorkerId;
    readonly suspect?: boolean;
    readonly begunAt?: number;
    readonly sink?: ReportSink;
  } = {},
): RunningJob {
  const { workerId = newWorkerId(), suspect = false, begunAt = 0, sink = SILENT } = about;
  return new RunningJob(claimedJob(overrides), workerId, suspect, begunAt, sink);
}
