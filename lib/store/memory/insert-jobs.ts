import { InvalidStateError, JobAlreadyExistsError } from '../../errors.js';
import type { NewJob } from '../../job/job-record.js';
import type { InsertJobsResult, JobConflict } from '../../job/job-store.js';
import { canTransition } from '../../job/job-state.js';
import type { MemoryData } from './memory-data.js';
import { replaceWith, toMemoryJob, toRecord } from './memory-job.js';
import { keyText } from './unique-keys.js';

/**
 * Inserts jobs in the order given.
 *
 * @param retry rows whose id is there already count as inserted
 * @throws JobAlreadyExistsError, InvalidStateError for an id that is taken
 */
export function insertJobs(data: MemoryData, jobs: readonly NewJob[], retry: boolean, now: number): InsertJobsResult {
  const missing = retry ? jobs.filter(({ id }) => !data.jobs.has(id)) : jobs;
  // Refused before anything is written: there is no rollback.
  checkIds(data, missing);
  checkKeys(data, missing, now);
  const conflicts = new Map<number, JobConflict>();
  for (const [index, job] of jobs.entries()) {
    if (retry && data.jobs.has(job.id)) continue;
    const conflict = insertJob(data, job, now);
    if (conflict) conflicts.set(index, conflict);
  }
  return { now, conflicts };
}

function insertJob(data: MemoryData, given: NewJob, now: number): JobConflict | null {
  const holder = given.uniqueKey === null ? undefined : data.uniqueKeys.holder(given, now);
  if (holder && given.onConflict !== 'replace') return { kind: 'existing', job: toRecord(holder) };
  if (holder && canTransition('replace', holder.state)) {
    data.waiting.remove(holder);
    replaceWith(holder, given, now);
    data.enqueue(holder, now);
    return { kind: 'replaced', job: toRecord(holder) };
  }
  const job = toMemoryJob(given, now);
  data.uniqueKeys.take(job);
  data.jobs.add(job);
  data.enqueue(job, now);
  return null;
}

function checkIds(data: MemoryData, jobs: readonly NewJob[]): void {
  const ids = new Set<string>();
  for (const { id } of jobs) {
    if (ids.has(id) || data.jobs.has(id)) throw new InvalidStateError(`there is a job ${id} already.`, 'pending');
    ids.add(id);
  }
}

function checkKeys(data: MemoryData, jobs: readonly NewJob[], now: number): void {
  /** Which job holds each key of this call, once the jobs before are inserted. */
  const holders = new Map<string, string>();
  for (const job of jobs) {
    if (job.uniqueKey === null) continue;
    const key = keyText(job);
    const there = data.uniqueKeys.holder(job, now);
    const holder = holders.get(key) ?? there?.id;
    if (holder !== undefined && job.onConflict === 'error') throw new JobAlreadyExistsError(job.uniqueKey, holder);
    const passesOn = job.onConflict === 'replace' && holder === there?.id && there?.state === 'running';
    holders.set(key, holder === undefined || passesOn ? job.id : holder);
  }
}
