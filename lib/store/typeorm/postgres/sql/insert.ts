import type { JobId } from '../../../../id/ids.js';
import type { NewJob } from '../../../../job/job-record.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { plainArray, toJobId, toJson, toUuid, uuidArray } from '../rows.js';
import { CLOCK, LANE, type Tables } from '../tables.js';

/** Rows of one statement. Larger ones gain nothing, and hold their parameters in memory twice. */
export const CHUNK = 1_000;

/*
 * $1 clock  $2 ids  $3 names  $4 queues  $5 payloads  $6 codecs  $7 priorities  $8 retries  $9 timeouts  $10 run_ats
 * $11 delays  $12 app ids  $13 org ids  $14 backoffs  $15 unique keys  $16 group keys  $17 headers  $18 cron ids  $19 cron ats  $20 windows of unique keys
 */
const insertText = (t: Tables): string => `
with ${CLOCK},
new as materialized (
  select s.*, coalesce(s.run_at, c.now + s.delay) as due
  from clock c, unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::smallint[], $9::bigint[],
    $10::bigint[], $11::bigint[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::uuid[], $19::bigint[],
    $20::bigint[])
    as s (id, name, queue, payload, codec, priority, max_retries, timeout_ms, run_at, delay, scope_app_id, scope_org_id,
          backoff, unique_key, group_key, headers, cron_id, cron_at, lasts)),
facts as (
  insert into ${t.jobs} (id, created_at, timeout_ms, cron_at, cron_id, priority, max_retries, name, queue, codec,
    scope_app_id, scope_org_id, payload, backoff, unique_key, unique_until, group_key, headers)
  select id, (select now from clock), timeout_ms, cron_at, cron_id, priority, max_retries, name, queue, codec,
    scope_app_id, scope_org_id, payload, backoff, unique_key, (select now from clock) + lasts, group_key, headers
  from new),
live as (
  insert into ${t.live} (id, run_at, updated_at, rank, lane, keyed, queue, name)
  select id, due, (select now from clock), -priority::integer,
    case when due > (select now from clock) then ${LANE.deferred} else ${LANE.ready} end, unique_key is not null, queue, name
  from new)
select now from clock`;

/*
 * Which of these ids are there already. Asked by inserting them: an insert that is still under way, whose answer was lost,
 * is waited for. What was inserted is deleted again (`forget`), in the same transaction. $1 ids
 */
const reserveText = (t: Tables): string => `
insert into ${t.jobs} (id, created_at, timeout_ms, priority, max_retries, name, queue, codec)
select id, 0, 0, 0, 0, '', '', '' from unnest($1::uuid[]) as s (id) order by id
on conflict (id) do nothing
returning id`;

/** Inserts jobs, without a look at their unique keys. */
export class PgInserts {
  private readonly insertStatement: Statement;
  private readonly reserveStatement: Statement;
  private readonly forgetStatement: Statement;

  constructor(tables: Tables) {
    this.insertStatement = statement('insert', insertText(tables));
    this.reserveStatement = statement('reserve', reserveText(tables));
    this.forgetStatement = statement('forget', `delete from ${tables.jobs} where id = any ($1::uuid[])`);
  }

  /** @returns the clock of the first statement, or `undefined` without jobs */
  async insert(session: PgSession, jobs: readonly NewJob[]): Promise<number | undefined> {
    let first: number | undefined;
    for (let start = 0; start < jobs.length; start += CHUNK) {
      const chunk = jobs.length <= CHUNK ? jobs : jobs.slice(start, start + CHUNK);
      // Rows of one call share their time, so that lists page through them in the order of their ids.
      const now = session.now ?? first ?? null;
      const row = await session.row<[number]>(this.insertStatement, [now, ...columns(chunk)]);
      first ??= row![0];
    }
    return first;
  }

  /** Which of these jobs an earlier call, whose answer was lost, has inserted. Only in a transaction. */
  async existing(session: PgSession, jobs: readonly NewJob[]): Promise<ReadonlySet<JobId>> {
    const missing = await session.rows<[string]>(this.reserveStatement, [uuidArray(jobs.map(({ id }) => id))]);
    await session.count(this.forgetStatement, [plainArray(missing.map(([uuid]) => uuid))]);
    const absent = new Set(missing.map(([uuid]) => toJobId(uuid)));
    return new Set(jobs.map(({ id }) => id).filter((id) => !absent.has(id)));
  }
}

function columns(jobs: readonly NewJob[]): readonly unknown[] {
  return [
    plainArray(jobs.map(({ id }) => toUuid(id))),
    jobs.map(({ name }) => name),
    jobs.map(({ queue }) => queue),
    jobs.map(({ payload }) => payload),
    jobs.map(({ codec }) => codec),
    plainArray(jobs.map(({ priority }) => priority)),
    plainArray(jobs.map(({ maxRetries }) => maxRetries)),
    plainArray(jobs.map(({ timeoutMs }) => timeoutMs)),
    plainArray(jobs.map(({ runAt }) => runAt)),
    plainArray(jobs.map(({ delayMs }) => Math.ceil(delayMs))),
    jobs.map(({ scopeAppId }) => scopeAppId),
    jobs.map(({ scopeOrgId }) => scopeOrgId),
    jobs.map(({ backoff }) => toJson(backoff)),
    jobs.map(({ uniqueKey }) => uniqueKey),
    jobs.map(({ groupKey }) => groupKey),
    jobs.map(({ headers }) => toJson(headers)),
    plainArray(jobs.map(({ cronId }) => (cronId === null ? null : toUuid(cronId)))),
    plainArray(jobs.map(({ cronAt }) => cronAt)),
    plainArray(jobs.map(({ uniqueForMs }) => uniqueForMs)),
  ];
}
