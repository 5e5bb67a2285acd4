import { ID_PREFIX, type JobId, type WorkerId } from '../../../../id/ids.js';
import type { JobRecord } from '../../../../job/job-record.js';
import type {
  CountJobsOptions,
  JobCounts,
  JobFilter,
  JobLogRecord,
  JobPage,
  ListJobsOptions,
} from '../../../../job/job-store.js';
import { type JobState, isTerminal } from '../../../../job/job-state.js';
import type { Scope } from '../../../../scope/scope.js';
import { checkLimit, checkLogLimit, checkOffset, checkOrder, decodeCursor, encodeCursor } from '../../../cursor.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { parseBackoff, parseErrors, parseHeaders, toCronId, toJobId, toUuid, toWorkerId, uuidArray } from '../rows.js';
import { CLOCK, DONE, type Tables } from '../tables.js';

/** SQL: the state of a job from its live and its ended row, of which it has one. */
const STATE = `case
  when l.running then 'running' when l.retrying then 'retrying' when l.id is not null then 'pending'
  when d.state = ${DONE.completed} then 'completed' when d.state = ${DONE.failed} then 'failed' else 'cancelled' end`;

const COLUMNS = `f.id, f.name, f.queue, f.payload, f.codec, f.priority, f.max_retries, f.timeout_ms, f.created_at,
  f.scope_app_id, f.scope_org_id, f.backoff, f.unique_key, f.group_key, f.headers, f.cron_id, f.cron_at,
  ${STATE}, coalesce(l.run_at, d.run_at), coalesce(l.attempt, d.attempt), coalesce(l.retry_count, d.retry_count), f.unique_until,
  coalesce(l.errors, d.errors), d.result, coalesce(l.progress, d.progress), l.worker_id,
  coalesce(l.started_at, d.started_at), d.completed_at, coalesce(l.cancel_requested_at, d.cancel_requested_at),
  coalesce(l.updated_at, d.completed_at)`;

/*
 * A job between two statements is always in one of the two tables: it moves in one. Where the states asked for are all
 * of one kind, only that table is joined, so that the planner can start from it.
 */
function from(t: Tables, kind: 'any' | 'live' | 'done'): string {
  const live = `${kind === 'live' ? 'join' : 'left join'} ${t.live} l on l.id = f.id`;
  const done = `${kind === 'done' ? 'join' : 'left join'} ${t.done} d on d.id = f.id`;
  return `from ${t.jobs} f ${live} ${done}`;
}

/*
 * The condition on the scope, $6 and $7, in its own words: in those of "null: any" the index of the tenants could not be
 * used, as the plan is made for every value. It holds only jobs that have a scope.
 */
const SCOPES = {
  any: '$6::text is null and $7::text is null',
  none: 'f.scope_app_id = $6 and f.scope_org_id = $7',
  tenant: `f.scope_app_id = $6 and f.scope_org_id = $7 and (f.scope_app_id <> '' or f.scope_org_id <> '')`,
} as const;
type ScopeKind = keyof typeof SCOPES;

/** $1 states  $2 queue  $3 name  $4 since  $5 until; null: any  $6 app id  $7 org id */
const filter = (scope: ScopeKind): string => `
  ($1::text[] is null or ${STATE} = any ($1)) and ($2::text is null or f.queue = $2) and ($3::text is null or f.name = $3)
  and ($4::bigint is null or f.created_at >= $4) and ($5::bigint is null or f.created_at < $5)
  and ${SCOPES[scope]}`;

/** $8 and $9: where the last page ended  $10 limit  $11 offset */
function listText(t: Tables, kind: 'any' | 'live' | 'done', order: 'asc' | 'desc', scope: ScopeKind): string {
  return `
select ${COLUMNS} ${from(t, kind)}
where ${filter(scope)} and ($8::bigint is null or (f.created_at, f.id) ${order === 'asc' ? '>' : '<'} ($8, $9::uuid))
order by f.created_at ${order}, f.id ${order} limit $10 offset $11`;
}

type Row = readonly [
  id: string,
  name: string,
  queue: string,
  payload: string | null,
  codec: string,
  priority: number,
  maxRetries: number,
  timeoutMs: number,
  createdAt: number,
  scopeAppId: string,
  scopeOrgId: string,
  backoff: string | null,
  uniqueKey: string | null,
  groupKey: string | null,
  headers: string | null,
  cronId: string | null,
  cronAt: number | null,
  state: JobState,
  runAt: number,
  attempt: number,
  retryCount: number,
  uniqueUntil: number | null,
  errors: string[] | null,
  result: string | null,
  progress: string | null,
  workerId: string | null,
  startedAt: number | null,
  completedAt: number | null,
  cancelRequestedAt: number | null,
  updatedAt: number,
];

/** Reads jobs and their log lines. */
export class PgJobReads {
  private readonly getStatement: Statement;
  private readonly logsStatement: Statement;
  private readonly cancelStatement: Statement;
  private readonly nowStatement = statement('now', `with ${CLOCK} select now from clock`);

  constructor(private readonly tables: Tables) {
    const t = tables;
    this.getStatement = statement(
      'get',
      `select ${COLUMNS} ${from(t, 'any')}
       where f.id = any ($1::uuid[]) and ($2::text is null or (f.scope_app_id = $2 and f.scope_org_id = $3)) order by f.id`,
    );
    this.logsStatement = statement(
      'logs',
      `select g.level, g.message, g.attempt, g.at from ${t.logs} g join ${t.jobs} f on f.id = g.job_id
       where g.job_id = $1 and ($2::text is null or (f.scope_app_id = $2 and f.scope_org_id = $3)) order by g.seq limit $4`,
    );
    this.cancelStatement = statement(
      'cancels',
      `select id, worker_id from ${t.live} where cancel_requested_at is not null and running and worker_id is not null`,
    );
  }

  /** The database's time. */
  async now(session: PgSession): Promise<number> {
    return (await session.row<[number]>(this.nowStatement, [session.now]))![0];
  }

  async get(session: PgSession, id: JobId, scope: Scope | undefined): Promise<JobRecord | null> {
    return (await this.getAll(session, [id], scope))[0] ?? null;
  }

  /** Those of these jobs that exist, in the order of their ids. */
  async getAll(session: PgSession, ids: readonly JobId[], scope?: Scope): Promise<JobRecord[]> {
    const rows = await session.rows<Row>(this.getStatement, [
      uuidArray(ids),
      scope?.appId ?? null,
      scope?.orgId ?? null,
    ]);
    return rows.map(toJobRecord);
  }

  /** Running jobs whose end was asked for. */
  async cancelRequests(session: PgSession): Promise<readonly { readonly jobId: JobId; readonly workerId: WorkerId }[]> {
    const rows = await session.rows<[string, string]>(this.cancelStatement, []);
    return rows.map(([id, workerId]) => ({ jobId: toJobId(id), workerId: toWorkerId(workerId) }));
  }

  async list(session: PgSession, options: ListJobsOptions): Promise<JobPage> {
    const limit = checkLimit(options.limit);
    const offset = checkOffset(options.offset);
    const order = checkOrder(options.order);
    const after = options.cursor === undefined ? null : decodeCursor(options.cursor, ID_PREFIX.job);
    if (limit === 0 || options.states?.length === 0) return { jobs: [] };
    const kind = kindOf(options.states);
    const scope = scopeKindOf(options.scope);
    const list = statement(`list_${kind}_${order}`, listText(this.tables, kind, order, scope));
    const rows = await session.rows<Row>(list, [
      ...filterValues(options),
      after?.at ?? null,
      after ? toUuid(after.id) : null,
      limit + 1,
      offset,
    ]);
    const jobs = rows.slice(0, limit).map(toJobRecord);
    const last = jobs.at(-1);
    return rows.length > limit && last
      ? { jobs, nextCursor: encodeCursor({ at: last.createdAt, id: last.id }) }
      : { jobs };
  }

  async count(session: PgSession, options: CountJobsOptions): Promise<JobCounts> {
    const counts: Record<JobState, number> = {
      pending: 0,
      running: 0,
      retrying: 0,
      completed: 0,
      failed: 0,
      cancelled: 0,
    };
    const where = filter(scopeKindOf(options.scope));
    const count = statement('count', `select ${STATE}, count(*) ${from(this.tables, 'any')} where ${where} group by 1`);
    const rows = await session.rows<[JobState, number]>(count, filterValues(options));
    for (const [state, jobs] of rows) counts[state] = jobs;
    return counts;
  }

  /** @param limit as {@link checkLogLimit} takes it */
  async logs(
    session: PgSession,
    id: JobId,
    limit: number | undefined,
    scope: Scope | undefined,
  ): Promise<JobLogRecord[]> {
    const values = [toUuid(id), scope?.appId ?? null, scope?.orgId ?? null, checkLogLimit(limit)];
    const rows = await session.rows<[JobLogRecord['level'], string, number, number]>(this.logsStatement, values);
    return rows.map(([level, message, attempt, at]) => ({ level, message, attempt, at }));
  }
}

function kindOf(states: readonly JobState[] | undefined): 'any' | 'live' | 'done' {
  if (!states) return 'any';
  if (states.every(isTerminal)) return 'done';
  return states.some(isTerminal) ? 'any' : 'live';
}

function scopeKindOf(scope: Scope | undefined): ScopeKind {
  if (!scope) return 'any';
  return scope.appId === '' && scope.orgId === '' ? 'none' : 'tenant';
}

function filterValues({ states, queue, name, since, until, scope }: JobFilter): readonly unknown[] {
  return [
    states ?? null,
    queue ?? null,
    name ?? null,
    since ?? null,
    until ?? null,
    scope?.appId ?? null,
    scope?.orgId ?? null,
  ];
}

function toJobRecord(row: Row): JobRecord {
  return {
    id: toJobId(row[0]),
    name: row[1],
    queue: row[2],
    payload: row[3],
    codec: row[4],
    priority: row[5],
    maxRetries: row[6],
    timeoutMs: row[7],
    createdAt: row[8],
    scopeAppId: row[9],
    scopeOrgId: row[10],
    backoff: parseBackoff(row[11]),
    uniqueKey: row[12],
    groupKey: row[13],
    headers: parseHeaders(row[14]),
    cronId: row[15] === null ? null : toCronId(row[15]),
    cronAt: row[16],
    state: row[17],
    runAt: row[18],
    attempt: row[19],
    retryCount: row[20],
    uniqueUntil: row[21],
    errors: parseErrors(row[22]),
    result: row[23],
    progress: row[24],
    workerId: row[25] === null ? null : toWorkerId(row[25]),
    startedAt: row[26],
    completedAt: row[27],
    cancelRequestedAt: row[28],
    updatedAt: row[29],
  };
}
