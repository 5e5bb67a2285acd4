import type { RunId, WorkerId } from '../../../../id/ids.js';
import type { ClaimedRun, HeldRun } from '../../../../workflow/run-record.js';
import type { ClaimRunsRequest, ClaimRunsResult } from '../../../../workflow/workflow-store.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { plainArray, toUuid } from '../rows.js';
import { CLOCK, type Tables } from '../tables.js';
import { type RunRow, runColumns, toRunId, toRunRecord } from './run-rows.js';

/** Whether a worker may claim, as the statement says it. */
const ALIVE = { dead: 0, idle: 1, active: 2 } as const;

const DUE = 'worker_id is null and wake_at is not null and name = a.name and version = a.version';

/** SQL: the runs of a workflow that are due, longest first, each locked as it is reached. */
const dueOf = (t: Tables, suspect: boolean, most: string): string => `
    select * from (
      select id, wake_at, suspect from ${t.runs}
      where ${DUE} and suspect = ${suspect} and wake_at <= (select now from clock)
      order by wake_at, id limit ${most}
      for update skip locked) as ${suspect ? 's' : 'd'}`;

/*
 * Each workflow is one range of the index of due runs, so that runs of others, and those that sleep, are never walked over.
 * $1 clock  $2 worker  $3 names  $4 versions  $5 limit  $6 suspects at most
 */
const claimText = (t: Tables): string => `
with ${CLOCK},
asked as materialized (select * from unnest($3::text[], $4::int[]) as a (name, version)),
status as materialized (
  select case when w.id is null or w.state = 'dead' then ${ALIVE.dead}
              when w.state = 'draining' or w.lease_expires_at <= c.now then ${ALIVE.idle}
              else ${ALIVE.active} end as alive
  from clock c left join ${t.workers} w on w.id = $2),
room as materialized (
  select case when alive = ${ALIVE.active} then $5::int else 0 end as most,
    case when alive = ${ALIVE.active} then least($5::int, $6::int) else 0 end as suspects
  from status),
found as materialized (
  select x.* from asked a cross join lateral (
    ${dueOf(t, false, '(select most from room)')}
    union all
    ${dueOf(t, true, '(select suspects from room)')}) as x),
picked as materialized (
  select id from (
    select id, wake_at, suspect, row_number() over (partition by suspect order by wake_at, id) as nth from found) as f
  where not suspect or nth <= $6::int
  order by wake_at, id limit (select most from room)),
claimed as (
  update ${t.runs} r
  set state = case when r.state = 'compensating' then r.state else 'running' end, attempt = r.attempt + 1,
      worker_id = $2, wake_at = null, started_at = coalesce(r.started_at, (select now from clock)),
      deadline_at = case when r.deadline_at is null and r.timeout_ms > 0 then (select now from clock) + r.timeout_ms else r.deadline_at end,
      updated_at = (select now from clock)
  where r.id = any (array(select id from picked))
  returning ${runColumns('r')}),
header as (
  select (select now from clock) as now, alive, (
    select min(x.wake_at) from asked a cross join unnest(array[false, true]) as k (suspect) cross join lateral (
      select wake_at from ${t.runs} r
      where ${DUE} and r.suspect = k.suspect and not exists (select 1 from picked p where p.id = r.id)
      order by wake_at limit 1) as x) as next_at
  from status)
select h.now, h.alive, h.next_at, c.* from header h left join claimed c on true`;

type Row = readonly [now: number, alive: number, nextAt: number | null, ...run: RunRow];

/** Leases runs to workers. */
export class PgRunClaims {
  private readonly claimStatement: Statement;
  private readonly heldStatement: Statement;

  constructor(tables: Tables) {
    this.claimStatement = statement('claim_runs', claimText(tables));
    this.heldStatement = statement(
      'held_runs',
      `select id, attempt from ${tables.runs} where worker_id = $1 order by id`,
    );
  }

  async claim(session: PgSession, request: ClaimRunsRequest): Promise<ClaimRunsResult> {
    const { workerId, workflows, limit, suspectLimit } = request;
    const rows = await session.rows<Row>(this.claimStatement, [
      session.now,
      toUuid(workerId),
      workflows.map(({ name }) => name),
      plainArray(workflows.map(({ version }) => version)),
      limit,
      suspectLimit,
    ]);
    const [now, alive, nextAt] = rows[0]!;
    const runs: ClaimedRun[] = [];
    const suspects = new Set<RunId>();
    for (const [, , , ...row] of rows) {
      if (row[0] === null) continue;
      const record = toRunRecord(row);
      const state = record.state === 'compensating' ? 'compensating' : 'running';
      runs.push({ ...record, state, workerId, startedAt: record.startedAt!, claimedAt: now });
      if (row[32]) suspects.add(record.id);
    }
    const nextDueInMs = nextAt === null ? null : Math.max(0, nextAt - now);
    return { runs, suspects, nextDueInMs, workerAlive: alive !== ALIVE.dead };
  }

  async held(session: PgSession, workerId: WorkerId): Promise<HeldRun[]> {
    const rows = await session.rows<[string, number]>(this.heldStatement, [toUuid(workerId)]);
    return rows.map(([id, attempt]) => ({ id: toRunId(id), attempt }));
  }
}
