import type { JobId, WorkerId } from '../../id/ids.js';
import type { JobLogRecord, JobReport } from '../../job/job-store.js';
import type { Scope } from '../../scope/scope.js';
import { checkLogLimit } from '../cursor.js';
import type { MemoryData } from './memory-data.js';
import { isInScope } from './memory-job.js';
import { heldJob } from './settle-jobs.js';

/** Stores progress and log lines of the jobs that the worker still holds. */
export function reportJobs(data: MemoryData, workerId: WorkerId, reports: readonly JobReport[], now: number): void {
  for (const { id, attempt, progress, logs = [] } of reports) {
    const job = heldJob(data, workerId, id, attempt);
    if (!job) continue;
    if (progress !== undefined) {
      job.progress = progress;
      job.updatedAt = now;
    }
    if (logs.length === 0) continue;
    let lines = data.logs.get(id);
    if (!lines) data.logs.set(id, (lines = []));
    for (const { level, message } of logs) lines.push({ level, message, attempt, at: now });
  }
}

/** The oldest log lines of a job. */
export function listJobLogs(
  data: MemoryData,
  id: JobId,
  { limit, scope }: { readonly limit?: number; readonly scope?: Scope } = {},
): readonly JobLogRecord[] {
  const most = checkLogLimit(limit);
  const job = data.jobs.get(id);
  if (!job || !isInScope(job, scope)) return [];
  return (data.logs.get(id) ?? []).slice(0, most).map((line) => ({ ...line }));
}
