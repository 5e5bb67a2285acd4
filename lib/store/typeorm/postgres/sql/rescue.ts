import type { JobId, WorkerId } from '../../../../id/ids.js';
import type { RescueOptions } from '../../../../job/job-store.js';
import type { PgSession, Statement } from '../pg-session.js';
import { statement } from '../pg-session.js';
import { appendError, toJobId, toWorkerId, uuidArray } from '../rows.js';
import { CLOCK, DONE, LANE, type Tables } from '../tables.js';
import { runningOf } from './running.js';
import { freeKeys, insertDlq } from './settle.js';

const WHAT = { retry: 1, fail: 2, cancel: 3 } as const;

/** SQL: whether no claim of a worker can be on its way any more. */
const LONG_DEAD = `state = 'dead' and lease_expires_at < (select now from clock) - $5::bigint`;

/** SQL: whose jobs are looked for. */
const WHOSE = {
  dead: () => `exists (select 1 from unburied) and l.worker_id = any (array(select id from unburied))`,
  deadOrMissing: (t: Tables) => `(l.worker_id in (select id from died)
      or not exists (select 1 from ${t.workers} w where w.id = l.worker_id and w.state <> 'dead'))`,
} as const;

/*
 * One statement marks workers dead whose lease is over and frees the jobs of workers that are dead or unknown. A worker
 * that renews its lease at this moment holds its row: either it renews first and is not marked, or it is marked and the
 * renewal finds it dead. A job that is being settled is locked, and left to the settlement. The lock is taken under the
 * fence: when a row has changed meanwhile, the check is made on its new version, but with the workers as they were at the
 * statement's beginning, and one that came since would pass for missing.
 *
 * Which jobs a worker holds is no index's business (a claim would have to write it): they are looked for along the lanes, and
 * only while there is a worker to bury, one that is dead and may still hold jobs. Once it has been dead for longer than any
 * claim of it can have been on its way, and holds none, it is buried.
 *
 * $1 clock  $2 limit  $3 ids for dead-letter entries  $4 error without its attempt  $5 time until a dead worker can be buried
 */
const rescueText = (t: Tables, whose: 'dead' | 'deadOrMissing'): string => `
with ${CLOCK},
died as (
  update ${t.workers} set state = 'dead'
  where id in (
    select id from ${t.workers} where state <> 'dead' and lease_expires_at <= (select now from clock) order by id for update skip locked)
  returning id),
unburied as materialized (
  select id from died union all select id from ${t.workers} where state = 'dead' and not buried),
orphans as materialized (
  select id, attempt, worker_id from (${runningOf(t, WHOSE[whose](t))}) as held limit $2),
forgotten as (
  delete from ${t.workers} where gone and ${LONG_DEAD} and not exists (select 1 from orphans)),
buried as (
  update ${t.workers} set buried = true where not gone and not buried and ${LONG_DEAD} and not exists (select 1 from orphans)),
lost as materialized (
  select l.id, l.worker_id, l.run_at, l.started_at, l.cancel_requested_at, l.attempt, l.retry_count, l.keyed, l.progress, l.errors
  from ${t.live} l join orphans o on o.id = l.id
  where l.running and l.worker_id = o.worker_id and l.attempt = o.attempt
  for update of l skip locked),
freeing as materialized (
  select x.*, ($3::uuid[])[row_number() over ()] as dlq_id,
    case when x.cancel_requested_at is not null then ${WHAT.cancel}
         when x.retry_count >= f.max_retries then ${WHAT.fail} else ${WHAT.retry} end as what,
    ${appendError('x.errors', `($4::jsonb || jsonb_build_object('attempt', x.attempt))::text`)} as new_errors
  from lost x join ${t.jobs} f on f.id = x.id),
over as materialized (
  select id, run_at, started_at, cancel_requested_at, attempt, keyed, progress, dlq_id, what,
    retry_count + case when what = ${WHAT.fail} then 1 else 0 end as retry_count,
    case when what = ${WHAT.cancel} then errors else new_errors end as errors
  from freeing where what <> ${WHAT.retry}),
gone as (delete from ${t.live} l using over where l.id = over.id),
ended as (
  insert into ${t.done} (id, run_at, completed_at, started_at, cancel_requested_at, attempt, retry_count, state, progress, errors)
  select id, run_at, (select now from clock), started_at, cancel_requested_at, attempt, retry_count,
    case what when ${WHAT.fail} then ${DONE.failed} else ${DONE.cancelled} end, progress, errors
  from over),
${insertDlq(t, `(select * from over where what = ${WHAT.fail})`)},
${freeKeys(t, 'over')},
back as (
  update ${t.live} l
  set running = false, worker_id = null, started_at = null, lane = ${LANE.suspect}, suspect = true, retrying = true,
      retry_count = l.retry_count + 1, errors = x.new_errors, run_at = (select now from clock), updated_at = (select now from clock)
  from freeing x where l.id = x.id and x.what = ${WHAT.retry})
select id, worker_id from freeing`;

/** No claim is on its way for longer. */
const BURY_AFTER_MS = 30_000;

/** Takes jobs back from dead workers. */
export class PgRescue {
  private readonly ofDead: Statement;
  private readonly ofDeadOrMissing: Statement;
  private readonly buryAfterMs: number;

  /** @param callTimeoutMs the longest that a statement takes */
  constructor(tables: Tables, callTimeoutMs: number) {
    this.ofDead = statement('rescue', rescueText(tables, 'dead'));
    this.ofDeadOrMissing = statement('rescue_missing', rescueText(tables, 'deadOrMissing'));
    this.buryAfterMs = Math.max(BURY_AFTER_MS, 2 * callTimeoutMs);
  }

  /** @returns the jobs that were freed, each with the worker that held it */
  async rescue(
    session: PgSession,
    { limit, newDlqId, missing = true }: RescueOptions,
    error: object,
  ): Promise<readonly { readonly id: JobId; readonly workerId: WorkerId }[]> {
    const ids = Array.from({ length: limit }, () => newDlqId());
    const rows = await session.rows<[string, string]>(missing ? this.ofDeadOrMissing : this.ofDead, [
      session.now,
      limit,
      uuidArray(ids),
      JSON.stringify(error),
      this.buryAfterMs,
    ]);
    return rows.map(([id, workerId]) => ({ id: toJobId(id), workerId: toWorkerId(workerId) }));
  }
}
