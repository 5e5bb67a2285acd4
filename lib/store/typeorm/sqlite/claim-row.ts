import type { JobId } from '../../../id/ids.js';
import type { ClaimedJob } from '../../../job/job-record.js';
import { fromJson } from './rows.js';

/** What a claim reads of each job, in the order of {@link ClaimRow}. */
export const CLAIM_COLUMNS = `seq, id, priority, run_at, attempt, retry_count, created_at, name, queue, payload, codec, max_retries,
  timeout_ms, backoff, unique_key, group_key, headers, scope_app_id, scope_org_id, cron_id, cron_at`;

/** Columns by position, not by name: better-sqlite3 makes such rows in half the time. */
export type ClaimRow = readonly [
  seq: number,
  id: JobId,
  priority: number,
  runAt: number,
  attempt: number,
  retryCount: number,
  createdAt: number,
  name: string,
  queue: string,
  payload: string | null,
  codec: string,
  maxRetries: number,
  timeoutMs: number,
  backoff: string | null,
  uniqueKey: string | null,
  groupKey: string | null,
  headers: string | null,
  scopeAppId: string,
  scopeOrgId: string,
  cronId: ClaimedJob['cronId'],
  cronAt: number | null,
];

/** The sequence number, by which the row is written. */
export const seqOf = (row: ClaimRow): number => row[0];
export const idOf = (row: ClaimRow): JobId => row[1];

/** Sorts rows of one queue in the order of a claim. */
export function inClaimOrder(a: ClaimRow, b: ClaimRow): number {
  return b[2] - a[2] || a[3] - b[3] || (a[1] < b[1] ? -1 : 1);
}

/** The job as the claim at `now` leaves it, from the row as it was before. */
export function toClaimedJob(row: ClaimRow, now: number): ClaimedJob {
  return {
    id: row[1],
    name: row[7],
    queue: row[8],
    payload: row[9],
    codec: row[10],
    priority: row[2],
    maxRetries: row[11],
    timeoutMs: row[12],
    backoff: fromJson(row[13]),
    uniqueKey: row[14],
    groupKey: row[15],
    headers: fromJson(row[16]),
    scopeAppId: row[17],
    scopeOrgId: row[18],
    cronId: row[19],
    cronAt: row[20],
    attempt: row[4] + 1,
    retryCount: row[5],
    runAt: row[3],
    createdAt: row[6],
    startedAt: now,
  };
}
