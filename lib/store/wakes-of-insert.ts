import type { NewJob } from '../job/job-record.js';
import type { InsertJobsResult } from '../job/job-store.js';
import type { Wake } from './store.js';
import { WakeList } from './wake-list.js';

/** The wake-ups that an insert calls for: one for jobs that are due, one for the earliest of the others. */
export function wakesOfInsert(jobs: readonly NewJob[], { now, conflicts }: InsertJobsResult): readonly Wake[] {
  const list = new WakeList();
  for (const [index, { queue, runAt, delayMs }] of jobs.entries()) {
    if (conflicts.get(index)?.kind !== 'existing') list.ready(queue, runAt === null ? delayMs : runAt - now);
  }
  return list.wakes;
}
