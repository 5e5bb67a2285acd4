import type { WorkerRecord } from '../../cluster/worker-record.js';
import type { DlqEntryRecord } from '../../dlq/dlq-entry.js';
import { InvalidStateError } from '../../errors.js';
import { type DlqId, ID_PREFIX, type JobId, type WorkerId } from '../../id/ids.js';
import type { JobLogRecord } from '../../job/job-store.js';
import type { JobState } from '../../job/job-state.js';
import type { WakeHub } from '../wake-hub.js';
import { RunData } from './runs/run-data.js';
import { type MemoryJob, copyErrors, copyHeaders } from './memory-job.js';
import { SortedRows } from './sorted-rows.js';
import { UniqueKeys } from './unique-keys.js';
import { WaitingJobs } from './waiting-jobs.js';
import { WakeList } from '../wake-list.js';

/** What a memory store holds; several stores may share it, as processes share a database. */
export class MemoryData {
  readonly jobs = new SortedRows<MemoryJob>(ID_PREFIX.job, ({ createdAt }) => createdAt);
  readonly waiting = new WaitingJobs();
  readonly uniqueKeys = new UniqueKeys();
  /** Running jobs by their worker. */
  readonly held = new Map<WorkerId, Set<MemoryJob>>();
  readonly logs = new Map<JobId, JobLogRecord[]>();
  readonly dlq = new SortedRows<DlqEntryRecord>(ID_PREFIX.dlq, ({ failedAt }) => failedAt);
  readonly workers = new Map<WorkerId, WorkerRecord>();
  readonly runs = new RunData();
  /** What the call under way will make known once it is through. */
  wakes = new WakeList();
  readonly hubs = new Set<WakeHub>();

  /** Makes a job wait for a claim until its due time. */
  enqueue(job: MemoryJob, now: number): void {
    this.waiting.add(job, now);
    this.wakes.ready(job.queue, job.runAt - now);
  }

  /** Takes a job from its worker; one that does not run is left alone. */
  letGo(job: MemoryJob): void {
    if (job.workerId === null) return;
    const jobs = this.held.get(job.workerId);
    jobs?.delete(job);
    if (jobs?.size === 0) this.held.delete(job.workerId);
    job.workerId = null;
  }

  /** Ends a job: it waits no more, nobody holds it, and its unique key is free. */
  end(job: MemoryJob, state: JobState & ('completed' | 'failed' | 'cancelled'), now: number): void {
    this.waiting.remove(job);
    this.letGo(job);
    this.uniqueKeys.free(job);
    job.state = state;
    job.suspect = false;
    job.completedAt = now;
    job.updatedAt = now;
  }

  /** Ends a job as failed, with its dead-letter entry; its history must have the error already. */
  fail(job: MemoryJob, dlqId: DlqId, now: number): void {
    job.retryCount += 1;
    this.end(job, 'failed', now);
    this.dlq.add({
      id: dlqId,
      jobId: job.id,
      jobName: job.name,
      queue: job.queue,
      payload: job.payload,
      codec: job.codec,
      priority: job.priority,
      timeoutMs: job.timeoutMs,
      backoff: job.backoff,
      groupKey: job.groupKey,
      headers: copyHeaders(job.headers),
      errors: copyErrors(job.errors),
      retryCount: job.retryCount,
      maxRetries: job.maxRetries,
      scopeAppId: job.scopeAppId,
      scopeOrgId: job.scopeOrgId,
      failedAt: now,
      replayedAt: null,
      replayJobId: null,
    });
  }

  /** Removes a job that does not run, with its log lines. */
  remove(job: MemoryJob): void {
    this.waiting.remove(job);
    this.uniqueKeys.free(job);
    this.logs.delete(job.id);
    this.jobs.delete(job.id);
  }

  /** @throws InvalidStateError when one of the ids is taken, or given twice */
  checkNewDlqIds(ids: readonly DlqId[]): void {
    const taken = ids.find((id, index) => this.dlq.has(id) || ids.indexOf(id) !== index);
    if (taken) throw new InvalidStateError(`there is a dead-letter entry ${taken} already.`, 'failed');
  }
}
