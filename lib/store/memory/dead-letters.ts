import type { DlqEntryRecord } from '../../dlq/dlq-entry.js';
import type { DlqFilter, DlqPage, ListDlqOptions, ReplayDlqOptions } from '../../dlq/dlq-store.js';
import { DlqEntryNotFoundError, InvalidStateError } from '../../errors.js';
import type { DlqId } from '../../id/ids.js';
import type { JobRecord } from '../../job/job-record.js';
import type { Scope } from '../../scope/scope.js';
import { insertJobs } from './insert-jobs.js';
import type { MemoryData } from './memory-data.js';
import { copyErrors, copyHeaders, isInScope, toRecord } from './memory-job.js';

function matches(entry: DlqEntryRecord, { queue, name, status, scope }: DlqFilter): boolean {
  return (
    (queue === undefined || entry.queue === queue) &&
    (name === undefined || entry.jobName === name) &&
    (status === undefined || (status === 'open') === (entry.replayedAt === null)) &&
    isInScope(entry, scope)
  );
}

function toEntry(entry: DlqEntryRecord): DlqEntryRecord {
  return {
    ...entry,
    backoff: entry.backoff && { ...entry.backoff },
    headers: copyHeaders(entry.headers),
    errors: copyErrors(entry.errors),
  };
}

/** One page of entries, newest failure first. */
export function listDlq(data: MemoryData, options: ListDlqOptions): DlqPage {
  const { limit, offset, cursor } = options;
  const { rows, ...rest } = data.dlq.page({ limit, offset, cursor, order: 'desc' }, (entry) => matches(entry, options));
  return { entries: rows.map(toEntry), ...rest };
}

/** One entry; `null` when it is not there, or of another scope. */
export function getDlqEntry(data: MemoryData, id: DlqId, scope: Scope | undefined): DlqEntryRecord | null {
  const entry = data.dlq.get(id);
  return entry && isInScope(entry, scope) ? toEntry(entry) : null;
}

/** How many entries match. */
export function countDlq(data: MemoryData, filter: DlqFilter): number {
  let count = 0;
  for (const entry of data.dlq.values()) if (matches(entry, filter)) count += 1;
  return count;
}

/** Inserts a new job from an entry and closes it. */
export function replayDlqEntry(data: MemoryData, id: DlqId, options: ReplayDlqOptions, now: number): JobRecord {
  const { jobId, payload, force = false, scope } = options;
  const entry = data.dlq.get(id);
  if (!entry || !isInScope(entry, scope)) throw new DlqEntryNotFoundError(id);
  if (entry.replayedAt !== null && !force) {
    throw new InvalidStateError(
      `dead-letter entry ${id} was replayed before; pass "force" to do it again.`,
      'replayed',
    );
  }
  const { queue, priority, timeoutMs, backoff, groupKey, headers, maxRetries, scopeAppId, scopeOrgId } = entry;
  const job = {
    ...{ queue, priority, timeoutMs, backoff, groupKey, headers, maxRetries, scopeAppId, scopeOrgId },
    id: jobId,
    name: entry.jobName,
    payload: payload ? payload.text : entry.payload,
    codec: payload ? payload.codec : entry.codec,
    uniqueKey: null,
    cronId: null,
    cronAt: null,
    runAt: null,
    delayMs: 0,
    uniqueForMs: null,
    onConflict: 'error' as const,
  };
  insertJobs(data, [job], false, now);
  data.dlq.update({ ...entry, replayedAt: now, replayJobId: jobId });
  return toRecord(data.jobs.get(jobId)!);
}

/** Deletes entries that failed long ago, oldest first. @returns how many */
export function purgeDlq(
  data: MemoryData,
  { olderThanMs, limit, scope }: { readonly olderThanMs: number; readonly limit: number; readonly scope?: Scope },
  now: number,
): number {
  const old: DlqEntryRecord[] = [];
  for (const entry of data.dlq.values()) {
    if (entry.failedAt < now - olderThanMs && isInScope(entry, scope)) old.push(entry);
  }
  const purged = old.sort((a, b) => a.failedAt - b.failedAt).slice(0, limit);
  for (const { id } of purged) data.dlq.delete(id);
  return purged.length;
}
