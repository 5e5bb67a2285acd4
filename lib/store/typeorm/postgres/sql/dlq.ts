import type { DlqEntryRecord } from '../../../../dlq/dlq-entry.js';
import type { DlqFilter, DlqPage, ListDlqOptions, ReplayDlqOptions } from '../../../../dlq/dlq-store.js';
import { type DlqId, ID_PREFIX } from '../../../../id/ids.js';
import type { Scope } from '../../../../scope/scope.js';
import { checkLimit, checkOffset, decodeCursor, encodeCursor } from '../../../cursor.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { parseBackoff, parseErrors, parseHeaders, toDlqId, toJobId, toUuid } from '../rows.js';
import { CLOCK, LANE, type Tables } from '../tables.js';

const COLUMNS = `id, job_id, job_name, queue, payload, codec, priority, timeout_ms, backoff, group_key, headers, errors,
  retry_count, max_retries, scope_app_id, scope_org_id, failed_at, replayed_at, replay_job_id`;

/** $1 queue  $2 name  $3 replayed  $4 app id  $5 org id; null: any */
const FILTER = `
  ($1::text is null or queue = $1) and ($2::text is null or job_name = $2)
  and ($3::boolean is null or (replayed_at is not null) = $3)
  and ($4::text is null or (scope_app_id = $4 and scope_org_id = $5))`;

/** $6 and $7: where the last page ended  $8 limit  $9 offset */
const listText = (t: Tables): string => `
select ${COLUMNS} from ${t.dlq}
where ${FILTER} and ($6::bigint is null or (failed_at, id) < ($6, $7::uuid))
order by failed_at desc, id desc limit $8 offset $9`;

/*
 * The entry's row is locked by its update, so of two replays the second sees what the first did.
 * $1 clock  $2 entry  $3 app id  $4 org id  $5 new job  $6 force  $7 whether there is another payload  $8 payload  $9 codec
 */
const replayText = (t: Tables): string => `
with ${CLOCK},
open as (
  update ${t.dlq} q set replayed_at = (select now from clock), replay_job_id = $5::uuid
  where q.id = $2 and ($3::text is null or (q.scope_app_id = $3 and q.scope_org_id = $4)) and (q.replayed_at is null or $6)
  returning q.*),
facts as (
  insert into ${t.jobs} (id, created_at, timeout_ms, priority, max_retries, name, queue, codec, scope_app_id, scope_org_id,
    payload, backoff, group_key, headers)
  select $5, (select now from clock), timeout_ms, priority, max_retries, job_name, queue, case when $7 then $9::text else codec end,
    scope_app_id, scope_org_id, case when $7 then $8::text else payload end, backoff, group_key, headers
  from open),
live as (
  insert into ${t.live} (id, run_at, updated_at, rank, lane, queue, name)
  select $5, c.now, c.now, -o.priority::integer, ${LANE.ready}, o.queue, o.job_name from open o, clock c)
select queue from open`;

/** $1 clock  $2 age  $3 app id  $4 org id  $5 limit */
const purgeText = (t: Tables): string => `
with ${CLOCK}
delete from ${t.dlq} where id in (
  select id from ${t.dlq}
  where failed_at < (select now from clock) - $2::bigint and ($3::text is null or (scope_app_id = $3 and scope_org_id = $4))
  order by failed_at, id limit $5
  for update skip locked)`;

type Row = readonly [
  id: string,
  jobId: string,
  jobName: string,
  queue: string,
  payload: string | null,
  codec: string,
  priority: number,
  timeoutMs: number,
  backoff: string | null,
  groupKey: string | null,
  headers: string | null,
  errors: string[] | null,
  retryCount: number,
  maxRetries: number,
  scopeAppId: string,
  scopeOrgId: string,
  failedAt: number,
  replayedAt: number | null,
  replayJobId: string | null,
];

/** The dead-letter queue. */
export class PgDlq {
  private readonly listStatement: Statement;
  private readonly getStatement: Statement;
  private readonly countStatement: Statement;
  private readonly replayStatement: Statement;
  private readonly purgeStatement: Statement;

  constructor(tables: Tables) {
    const t = tables;
    this.listStatement = statement('dlq_list', listText(t));
    this.getStatement = statement(
      'dlq_get',
      `select ${COLUMNS} from ${t.dlq} where id = $1 and ($2::text is null or (scope_app_id = $2 and scope_org_id = $3))`,
    );
    this.countStatement = statement('dlq_count', `select count(*) from ${t.dlq} where ${FILTER}`);
    this.replayStatement = statement('dlq_replay', replayText(t));
    this.purgeStatement = statement('dlq_purge', purgeText(t));
  }

  async list(session: PgSession, options: ListDlqOptions): Promise<DlqPage> {
    const limit = checkLimit(options.limit);
    const offset = checkOffset(options.offset);
    const after = options.cursor === undefined ? null : decodeCursor(options.cursor, ID_PREFIX.dlq);
    if (limit === 0) return { entries: [] };
    const values = [...filterValues(options), after?.at ?? null, after ? toUuid(after.id) : null, limit + 1, offset];
    const rows = await session.rows<Row>(this.listStatement, values);
    const entries = rows.slice(0, limit).map(toEntry);
    const last = entries.at(-1);
    return rows.length > limit && last
      ? { entries, nextCursor: encodeCursor({ at: last.failedAt, id: last.id }) }
      : { entries };
  }

  async get(session: PgSession, id: DlqId, scope?: Scope): Promise<DlqEntryRecord | null> {
    const row = await session.row<Row>(this.getStatement, [toUuid(id), scope?.appId ?? null, scope?.orgId ?? null]);
    return row ? toEntry(row) : null;
  }

  async count(session: PgSession, filter: DlqFilter): Promise<number> {
    return (await session.row<[number]>(this.countStatement, filterValues(filter)))![0];
  }

  /** @returns the queue of the new job; `undefined` when the entry does not exist or was replayed before */
  async replay(session: PgSession, id: DlqId, options: ReplayDlqOptions): Promise<string | undefined> {
    const { jobId, payload, force = false, scope } = options;
    const row = await session.row<[string]>(this.replayStatement, [
      session.now,
      toUuid(id),
      scope?.appId ?? null,
      scope?.orgId ?? null,
      toUuid(jobId),
      force,
      payload !== undefined,
      payload?.text ?? null,
      payload?.codec ?? null,
    ]);
    return row?.[0];
  }

  purge(session: PgSession, olderThanMs: number, limit: number, scope?: Scope): Promise<number> {
    return session.count(this.purgeStatement, [
      session.now,
      olderThanMs,
      scope?.appId ?? null,
      scope?.orgId ?? null,
      limit,
    ]);
  }
}

function filterValues({ queue, name, status, scope }: DlqFilter): readonly unknown[] {
  const replayed = status === undefined ? null : status === 'replayed';
  return [queue ?? null, name ?? null, replayed, scope?.appId ?? null, scope?.orgId ?? null];
}

function toEntry(row: Row): DlqEntryRecord {
  return {
    id: toDlqId(row[0]),
    jobId: toJobId(row[1]),
    jobName: row[2],
    queue: row[3],
    payload: row[4],
    codec: row[5],
    priority: row[6],
    timeoutMs: row[7],
    backoff: parseBackoff(row[8]),
    groupKey: row[9],
    headers: parseHeaders(row[10]),
    errors: parseErrors(row[11]),
    retryCount: row[12],
    maxRetries: row[13],
    scopeAppId: row[14],
    scopeOrgId: row[15],
    failedAt: row[16],
    replayedAt: row[17],
    replayJobId: row[18] === null ? null : toJobId(row[18]),
  };
}
