import type { JobId, WorkerId } from '../../../../id/ids.js';
import type { SettleResult } from '../../../../job/job-store.js';
import type { Outcome, Settlement } from '../../../../job/outcome.js';
import type { PgConnection } from '../pg-connection.js';
import { type Statement, statement } from '../pg-session.js';
import { appendError, plainArray, toJobId, toUuid, uuidArray } from '../rows.js';
import { CLOCK, DONE, LANE, type Tables } from '../tables.js';

const KIND = { completed: 1, retry: 2, failed: 3, snoozed: 4, released: 5, cancelled: 6 } as const;
const ENDS = `(${KIND.completed}, ${KIND.failed}, ${KIND.cancelled})`;

/** SQL: frees the unique keys of the jobs that `ended` names. Asks for none when none of them has one. */
export const freeKeys = (t: Tables, ended: string): string =>
  `freed as (delete from ${t.keys} where job_id = any (array(select id from ${ended} where keyed)))`;

/** SQL: a dead-letter entry for each job that `failed` names (id, dlq_id, retry_count, errors). */
export const insertDlq = (t: Tables, failed: string): string => `
dead as (
  insert into ${t.dlq} (id, job_id, failed_at, timeout_ms, priority, retry_count, max_retries, job_name, queue, codec,
    scope_app_id, scope_org_id, payload, backoff, group_key, headers, errors)
  select x.dlq_id, f.id, (select now from clock), f.timeout_ms, f.priority, x.retry_count, f.max_retries, f.name, f.queue, f.codec,
    f.scope_app_id, f.scope_org_id, f.payload, f.backoff, f.group_key, f.headers, x.errors
  from ${failed} x cross join lateral (select * from ${t.jobs} where id = x.id offset 0) as f)`;

/*
 * The common batch: everything completed. Says how many jobs that were, and which only if some were not held any more.
 * $1 clock  $2 worker  $3 ids  $4 attempts  $5 results
 */
const completeText = (t: Tables): string => `
with ${CLOCK},
gone as (
  delete from ${t.live} l using unnest($3::uuid[], $4::int[], $5::text[]) as s (id, attempt, result)
  where l.id = s.id and l.worker_id = $2 and l.attempt = s.attempt and l.running
  returning l.id, l.run_at, l.started_at, l.cancel_requested_at, l.attempt, l.retry_count, l.keyed, l.progress, l.errors, s.result),
${freeKeys(t, 'gone')},
ended as (
  insert into ${t.done} (id, run_at, completed_at, started_at, cancel_requested_at, attempt, retry_count, state, result, progress, errors)
  select id, run_at, (select now from clock), started_at, cancel_requested_at, attempt, retry_count, ${DONE.completed}, result, progress, errors
  from gone)
select null::uuid, (select count(*) from gone)
union all
select id, null from gone where (select count(*) from gone) < cardinality($3::uuid[])`;

/*
 * Any batch, in one statement: the rows are locked under their fence first, in the order of their ids, as they come; then
 * each takes one of three ways. Rows are looked up one by one (lateral, any): left to itself the planner, which knows nothing
 * of the length of a batch, compares all of it with each row of a table (server cpu: 964 us a job, so: 24; 2026-11-24).
 * $1 clock  $2 worker  $3 ids  $4 attempts  $5 kinds  $6 results  $7 errors  $8 delays  $9 ids of dead-letter entries
 */
const settleText = (t: Tables): string => `
with ${CLOCK},
held as materialized (
  select l.id, l.run_at, l.started_at, l.cancel_requested_at, l.attempt, l.keyed, l.progress, l.queue, s.kind as asked, s.result, s.delay, s.dlq_id,
    case when l.cancel_requested_at is not null and s.kind in (${KIND.retry}, ${KIND.snoozed}, ${KIND.released})
         then ${KIND.cancelled} else s.kind end as kind,
    l.retry_count + case when s.kind in (${KIND.retry}, ${KIND.failed}) then 1 else 0 end as retry_count,
    case when s.error is null then l.errors else ${appendError('l.errors', 's.error')} end as errors
  from unnest($3::uuid[], $4::int[], $5::smallint[], $6::text[], $7::text[], $8::bigint[], $9::uuid[])
    as s (id, attempt, kind, result, error, delay, dlq_id)
  cross join lateral (
    select * from ${t.live} where id = s.id and worker_id = $2 and attempt = s.attempt and running for update) as l),
over as materialized (select * from held where kind in ${ENDS}),
gone as (delete from ${t.live} where id = any (array(select id from over))),
ended as (
  insert into ${t.done} (id, run_at, completed_at, started_at, cancel_requested_at, attempt, retry_count, state, result, progress, errors)
  select id, run_at, (select now from clock), started_at, cancel_requested_at, attempt, retry_count,
    case kind when ${KIND.completed} then ${DONE.completed} when ${KIND.failed} then ${DONE.failed} else ${DONE.cancelled} end,
    result, progress, errors
  from over),
${insertDlq(t, `(select * from over where kind = ${KIND.failed})`)},
${freeKeys(t, 'over')},
back as (
  update ${t.live} l
  set worker_id = null, started_at = null, updated_at = c.now, retry_count = h.retry_count, errors = h.errors,
    retrying = h.kind = ${KIND.retry},
    suspect = l.suspect and h.kind = ${KIND.released},
    run_at = case when h.kind = ${KIND.released} then l.run_at else c.now + h.delay end,
    running = false,
    lane = case when h.kind = ${KIND.released} then l.lane when h.delay > 0 then ${LANE.deferred} else ${LANE.ready} end
  from held h, clock c
  where l.id = any (array(select id from held where kind not in ${ENDS})) and h.id = l.id)
select h.id, h.asked <> h.kind, case when h.kind in ${ENDS} then null else h.queue end
from held h`;

/** A settlement's outcome and what of it a wake-up needs. */
interface SettledRows {
  readonly result: SettleResult;
  /** Queues that have waiting jobs again. */
  readonly queues: readonly string[];
  /** When the first of them is due; `undefined` when none is. */
  readonly inMs: number | undefined;
}

/** Writes how attempts ended. */
export class PgSettlements {
  private readonly complete: Statement;
  private readonly any: Statement;

  constructor(
    private readonly connection: PgConnection,
    tables: Tables,
  ) {
    this.complete = statement('complete', completeText(tables));
    this.any = statement('settle', settleText(tables));
  }

  async settle(workerId: WorkerId, settlements: readonly Settlement[]): Promise<SettledRows> {
    const batch = newestOfEach(settlements);
    const plain = batch.every(({ outcome }) => outcome.kind === 'completed');
    const rows = await (plain ? this.writeCompleted(workerId, batch) : this.writeAny(workerId, batch));
    if (rows === 'all' && batch.length === settlements.length) return ALL_SETTLED;
    return this.resultOf(settlements, batch, rows === 'all' ? batch.map(({ id }) => [toUuid(id)]) : rows);
  }

  private resultOf(
    settlements: readonly Settlement[],
    batch: readonly Settlement[],
    rows: readonly SettledRow[],
  ): SettledRows {
    const written = new Map(rows.map(([id, turned, queue]) => [toJobId(id), { turned, queue }]));
    const lost: JobId[] = [];
    for (const settlement of settlements) {
      if (!written.has(settlement.id) || (batch.length < settlements.length && !batch.includes(settlement))) {
        lost.push(settlement.id);
      }
    }
    const cancelled = [...written].filter(([, { turned }]) => turned).map(([id]) => id);
    return { result: { lost, cancelled }, ...waiting(batch, written) };
  }

  /** @returns what was written */
  private async writeCompleted(workerId: WorkerId, batch: readonly Settlement[]): Promise<'all' | SettledRow[]> {
    const [first, ...rows] = await this.connection.run((session) =>
      session.rows<readonly [id: string, count: number]>(this.complete, [
        session.now,
        toUuid(workerId),
        ids(batch),
        attempts(batch),
        resultsOf(batch),
      ]),
    );
    return first![1] === batch.length ? 'all' : rows.map(([id]) => [id]);
  }

  private writeAny(workerId: WorkerId, batch: readonly Settlement[]): Promise<SettledRow[]> {
    const outcomes = batch.map(({ outcome }) => outcome);
    return this.connection.run((session) =>
      session.rows<SettledRow>(this.any, [
        session.now,
        toUuid(workerId),
        ids(batch),
        attempts(batch),
        plainArray(outcomes.map(({ kind }) => KIND[kind])),
        resultsOf(batch),
        batch.map(errorText),
        plainArray(outcomes.map((outcome) => ('delayMs' in outcome ? Math.ceil(outcome.delayMs) : null))),
        plainArray(outcomes.map((outcome) => (outcome.kind === 'failed' ? toUuid(outcome.dlqId) : null))),
      ]),
    );
  }
}

const ALL_SETTLED: SettledRows = { result: { lost: [], cancelled: [] }, queues: [], inMs: undefined };

type SettledRow = readonly [id: string, turned?: boolean, queue?: string | null];

const ids = (batch: readonly Settlement[]): string => uuidArray(batch.map(({ id }) => id));
const attempts = (batch: readonly Settlement[]): string => plainArray(batch.map(({ attempt }) => attempt));

const resultsOf = (batch: readonly Settlement[]): readonly (string | null)[] =>
  batch.map(({ outcome }) => (outcome.kind === 'completed' ? outcome.result : null));

/**
 * One settlement a job, in the order of ids, so that two batches never wait for each other. Of several attempts only the
 * newest can hold the job; of one attempt the first settlement counts.
 */
function newestOfEach(settlements: readonly Settlement[]): readonly Settlement[] {
  const sorted = [...settlements].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  if (sorted.every(({ id }, index) => id !== sorted[index + 1]?.id)) return sorted;
  const byId = new Map<JobId, Settlement>();
  for (const settlement of sorted) {
    const other = byId.get(settlement.id);
    if (!other || settlement.attempt > other.attempt) byId.set(settlement.id, settlement);
  }
  return [...byId.values()];
}

function errorText({ outcome, attempt }: Settlement): string | null {
  const error = 'error' in outcome ? outcome.error : 'reason' in outcome ? outcome.reason : undefined;
  return error === undefined ? null : JSON.stringify({ ...error, attempt });
}

function waiting(
  batch: readonly Settlement[],
  written: ReadonlyMap<JobId, { readonly queue?: string | null | undefined }>,
): { readonly queues: readonly string[]; readonly inMs: number | undefined } {
  const queues = new Set<string>();
  let inMs: number | undefined;
  for (const { id, outcome } of batch) {
    const queue = written.get(id)?.queue;
    if (typeof queue !== 'string') continue;
    queues.add(queue);
    inMs = Math.min(inMs ?? Number.POSITIVE_INFINITY, delayOf(outcome));
  }
  return { queues: [...queues], inMs };
}

function delayOf(outcome: Outcome): number {
  return 'delayMs' in outcome ? outcome.delayMs : 0;
}
