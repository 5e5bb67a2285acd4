import type {
  CountJobsOptions,
  JobCounts,
  JobFilter,
  JobPage,
  ListJobsOptions,
  PruneJobsOptions,
} from '../../job/job-store.js';
import { checkOrder } from '../cursor.js';
import type { MemoryData } from './memory-data.js';
import { type MemoryJob, isInScope, toRecord } from './memory-job.js';

function matches(job: MemoryJob, { states, queue, name, since, until, scope }: JobFilter): boolean {
  return (
    (states === undefined || states.includes(job.state)) &&
    (queue === undefined || job.queue === queue) &&
    (name === undefined || job.name === name) &&
    (since === undefined || job.createdAt >= since) &&
    (until === undefined || job.createdAt < until) &&
    isInScope(job, scope)
  );
}

/** One page of jobs. */
export function listJobs(data: MemoryData, options: ListJobsOptions): JobPage {
  const { limit, offset, cursor } = options;
  const order = checkOrder(options.order);
  const { rows, ...rest } = data.jobs.page({ limit, offset, cursor, order }, (job) => matches(job, options));
  return { jobs: rows.map(toRecord), ...rest };
}

/** Counts jobs by state. */
export function countJobs(data: MemoryData, options: CountJobsOptions): JobCounts {
  const counts = { pending: 0, running: 0, retrying: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const job of data.jobs.values()) if (matches(job, options)) counts[job.state] += 1;
  return counts;
}

/** Deletes jobs that ended long ago, oldest first. @returns how many */
export function pruneJobs(data: MemoryData, { state, olderThanMs, limit }: PruneJobsOptions, now: number): number {
  const old: MemoryJob[] = [];
  for (const job of data.jobs.values()) {
    if (job.state === state && job.completedAt! < now - olderThanMs) old.push(job);
  }
  const pruned = old.sort((a, b) => a.completedAt! - b.completedAt!).slice(0, limit);
  for (const job of pruned) data.remove(job);
  return pruned.length;
}
