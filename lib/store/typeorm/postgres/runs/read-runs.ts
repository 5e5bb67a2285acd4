import { ID_PREFIX } from '../../../../id/ids.js';
import type { RunId, WorkerId } from '../../../../id/ids.js';
import type { Scope } from '../../../../scope/scope.js';
import type { CheckpointRecord } from '../../../../workflow/checkpoint.js';
import type { HeldRun, RunRecord } from '../../../../workflow/run-record.js';
import { type RunEnd, RUN_STATES, type RunState } from '../../../../workflow/run-state.js';
import type { ListRunsOptions, RunCounts, RunFilter, RunPage } from '../../../../workflow/workflow-store.js';
import { checkLimit, checkOrder, decodeCursor, encodeCursor } from '../../../cursor.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { plainArray, toUuid, toWorkerId, uuidArray } from '../rows.js';
import { CLOCK, type Tables } from '../tables.js';
import {
  CHECKPOINT_COLUMNS,
  type CheckpointRow,
  type RunRow,
  runColumns,
  toCheckpoint,
  toRunId,
  toRunRecord,
} from './run-rows.js';

/*
 * The condition on the scope, $6 and $7, in its own words: in those of "null: any" the index of the tenants could not be
 * used, as the plan is made for every value.
 */
const SCOPES = {
  any: '$6::text is null and $7::text is null',
  none: 'r.scope_app_id = $6 and r.scope_org_id = $7',
  tenant: `r.scope_app_id = $6 and r.scope_org_id = $7 and (r.scope_app_id <> '' or r.scope_org_id <> '')`,
} as const;

/** The condition on the parent, $3: the same. */
const PARENTS = { any: '$3::uuid is null', one: 'r.parent_run_id = $3::uuid' } as const;

/** $1 states  $2 name  $3 parent  $4 since  $5 until; null: any  $6 app id  $7 org id */
function filter({ scope, parentRunId }: RunFilter): string {
  const kind = !scope ? 'any' : scope.appId === '' && scope.orgId === '' ? 'none' : 'tenant';
  return `
  ($1::text[] is null or r.state = any ($1)) and ($2::text is null or r.name = $2) and ${PARENTS[parentRunId ? 'one' : 'any']}
  and ($4::bigint is null or r.created_at >= $4) and ($5::bigint is null or r.created_at < $5) and ${SCOPES[kind]}`;
}

function filterValues({ states, name, parentRunId, since, until, scope }: RunFilter): readonly unknown[] {
  return [
    states ?? null,
    name ?? null,
    parentRunId ? toUuid(parentRunId) : null,
    since ?? null,
    until ?? null,
    scope?.appId ?? null,
    scope?.orgId ?? null,
  ];
}

/** Reads runs, and deletes old ones. */
export class PgRunReads {
  private readonly getStatement: Statement;
  private readonly checkpointsStatement: Statement;
  private readonly pruneStatement: Statement;
  private readonly cancelStatement: Statement;
  private readonly heartbeatStatement: Statement;

  constructor(private readonly tables: Tables) {
    const t = tables;
    const scoped = '($2::text is null or (r.scope_app_id = $2 and r.scope_org_id = $3))';
    this.getStatement = statement(
      'get_run',
      `select ${runColumns('r')} from ${t.runs} r where r.id = $1 and ${scoped}`,
    );
    this.checkpointsStatement = statement(
      'list_checkpoints',
      `select ${CHECKPOINT_COLUMNS} from ${t.checkpoints} c join ${t.runs} r on r.id = c.run_id
       where c.run_id = $1 and ${scoped} order by c.generation, c.seq`,
    );
    this.pruneStatement = statement(
      'prune_runs',
      `with ${CLOCK},
       gone as (
         delete from ${t.runs} where id in (
           select id from ${t.runs} where state = $2 and completed_at < (select now from clock) - $3::bigint
           order by completed_at limit $4 for update skip locked)
         returning id),
       checkpoints as (delete from ${t.checkpoints} where run_id = any (array(select id from gone))),
       waits as (delete from ${t.waits} where run_id = any (array(select id from gone)))
       select id from gone`,
    );
    this.cancelStatement = statement(
      'run_cancels',
      `select id, worker_id from ${t.runs} where worker_id is not null and cancel_requested_at is not null`,
    );
    this.heartbeatStatement = statement(
      'beat_runs',
      `select h.id, r.id is not null from unnest($1::uuid[], $2::int[]) as h (id, attempt)
       left join ${t.runs} r on r.id = h.id and r.attempt = h.attempt and r.worker_id = $3
       where r.id is null or r.cancel_requested_at is not null`,
    );
  }

  async get(session: PgSession, id: RunId, scope: Scope | undefined): Promise<RunRecord | null> {
    const row = await session.row<RunRow>(this.getStatement, [toUuid(id), scope?.appId ?? null, scope?.orgId ?? null]);
    return row ? toRunRecord(row) : null;
  }

  async list(session: PgSession, options: ListRunsOptions): Promise<RunPage> {
    const limit = checkLimit(options.limit);
    const order = checkOrder(options.order);
    const after = options.cursor === undefined ? null : decodeCursor(options.cursor, ID_PREFIX.run);
    if (limit === 0 || options.states?.length === 0) return { runs: [] };
    const list = statement(
      `list_runs_${order}`,
      `select ${runColumns('r')} from ${this.tables.runs} r
       where ${filter(options)} and ($8::bigint is null or (r.created_at, r.id) ${order === 'asc' ? '>' : '<'} ($8, $9::uuid))
       order by r.created_at ${order}, r.id ${order} limit $10`,
    );
    const rows = await session.rows<RunRow>(list, [
      ...filterValues(options),
      after?.at ?? null,
      after ? toUuid(after.id) : null,
      limit + 1,
    ]);
    const runs = rows.slice(0, limit).map(toRunRecord);
    const last = runs.at(-1);
    return rows.length > limit && last
      ? { runs, nextCursor: encodeCursor({ at: last.createdAt, id: last.id }) }
      : { runs };
  }

  async count(session: PgSession, options: RunFilter): Promise<RunCounts> {
    const counts = Object.fromEntries(RUN_STATES.map((state) => [state, 0])) as Record<RunState, number>;
    const text = `select r.state, count(*) from ${this.tables.runs} r where ${filter(options)} group by r.state`;
    const rows = await session.rows<[RunState, number]>(statement('count_runs', text), filterValues(options));
    for (const [state, runs] of rows) counts[state] = runs;
    return counts;
  }

  async checkpoints(session: PgSession, id: RunId, scope: Scope | undefined): Promise<readonly CheckpointRecord[]> {
    const values = [toUuid(id), scope?.appId ?? null, scope?.orgId ?? null];
    return (await session.rows<CheckpointRow>(this.checkpointsStatement, values)).map(toCheckpoint);
  }

  async prune(session: PgSession, state: RunEnd, olderThanMs: number, limit: number): Promise<number> {
    return (await session.rows(this.pruneStatement, [session.now, state, olderThanMs, limit])).length;
  }

  /** Held runs whose end was asked for. */
  async cancelRequests(session: PgSession): Promise<readonly { readonly runId: RunId; readonly workerId: WorkerId }[]> {
    const rows = await session.rows<[string, string]>(this.cancelStatement, []);
    return rows.map(([id, workerId]) => ({ runId: toRunId(id), workerId: toWorkerId(workerId) }));
  }

  /** Of runs that a worker believes it holds: those that it does not, and those whose end was asked for. */
  async beat(
    session: PgSession,
    workerId: WorkerId,
    runs: readonly HeldRun[],
  ): Promise<{ readonly lost: readonly RunId[]; readonly cancelRequested: readonly RunId[] }> {
    const rows = await session.rows<[string, boolean]>(this.heartbeatStatement, [
      uuidArray(runs.map(({ id }) => id)),
      plainArray(runs.map(({ attempt }) => attempt)),
      toUuid(workerId),
    ]);
    const pick = (wanted: boolean) => rows.filter(([, held]) => held === wanted).map(([id]) => toRunId(id));
    return { lost: pick(false), cancelRequested: pick(true) };
  }
}
