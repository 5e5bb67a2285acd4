import { CLOCK, LANE, type Tables } from '../tables.js';

/** Whether a worker may claim, as the statement says it. */
export const ALIVE = { dead: 0, idle: 1, active: 2 } as const;

/** Most deferred jobs that one statement makes ready. */
const PROMOTE_BATCH = 5_000;

/** SQL: whether a job of these queues and names stands in this lane. */
const standsIn = (t: Tables, lane: number, more = ''): string => `exists (
    select 1 from queues cross join lateral (
      select 1 from ${t.live} l
      where l.lane = ${lane} and not l.running and l.queue = queues.queue and l.name = any ($5) ${more}
      limit 1) as found)`;

/** SQL: what stands behind the queue's mark. */
const BEHIND_MARK = 'and (l.rank, l.run_at, l.id) > (queues.mark_rank, queues.mark_run_at, queues.mark_id)';

/** SQL: the ready jobs of a queue in the order of the claim, each locked as it is reached. */
const readyOf = (t: Tables, more = ''): string => `
    select l.ctid, l.rank, l.run_at, l.id from ${t.live} l
    where l.lane = ${LANE.ready} and not l.running and l.queue = queues.queue and l.name = any ($5) ${more}
    order by l.rank, l.run_at, l.id limit queues.most
    for update skip locked`;

/*
 * The usual claim: one round trip. The lateral walks queue after queue along the claim's index and stops as soon as enough
 * rows are locked, so that no row is locked that is not claimed. Rows are then found by their place (ctid), which the lock keeps.
 *
 * $8 $9 $10 marks of the queues: where the walk begins, as rank, due time and id (see ClaimMarks)
 */
const PICKED = (t: Tables): string => `
picked as materialized (
  select r.ctid from queues cross join lateral (${readyOf(t, BEHIND_MARK)}) as r
  limit (select most from room)),`;

/*
 * The claim while there are suspects, which stand in a lane of their own: both lanes are merged in the order of the claim.
 * That locks a few rows too many for the length of the statement.
 */
const PICKED_WITH_SUSPECTS = (t: Tables): string => `
suspects as materialized (
  select s.* from queues cross join lateral (
    select l.ctid, l.queue, l.rank, l.run_at, l.id from ${t.live} l
    where l.lane = ${LANE.suspect} and not l.running and l.queue = queues.queue and l.name = any ($5)
    order by l.rank, l.run_at, l.id limit $7::int
    for update skip locked) as s
  limit least($7::int, (select most from room))),
picked as materialized (
  select r.ctid from queues cross join lateral (
    select x.ctid from (
      select s.ctid, s.rank, s.run_at, s.id from suspects s where s.queue = queues.queue
      union all
      select * from (${readyOf(t)}) as ready) as x
    order by x.rank, x.run_at, x.id limit queues.most) as r
  limit (select most from room)),`;

/** SQL: the jobs of a lane in the order of the claim, each locked as it is reached. */
const standingIn = (t: Tables, lane: number, which: string, most: string): string => `
      select l.ctid, l.rank, l.run_at, l.id, l.name, ${lane === LANE.suspect} as suspect from ${t.live} l
      where l.lane = ${lane} and not l.running and l.queue = queues.queue and l.name ${which}
      order by l.rank, l.run_at, l.id limit ${most}
      for update skip locked`;

/*
 * The claim where some names may have only so many jobs: each of these is walked on its own, beside the others and the suspects,
 * and what is over a limit is left out when all are merged. That locks some rows too many for the length of the statement.
 *
 * $8 names with limits  $9 their limits  $10 whether to claim although deferred jobs are due
 */
const PICKED_WITH_LIMITS = (t: Tables): string => `
limited as materialized (select * from unnest($8::text[], $9::int[]) as l (name, most)),
found as materialized (
  select queues.place, queues.most, x.* from queues cross join lateral (
    select * from (${standingIn(t, LANE.ready, '= any ($5) and l.name <> all ($8)', 'queues.most')}) as free
    union all
    select own.* from limited cross join lateral (
      ${standingIn(t, LANE.ready, '= limited.name', 'least(limited.most, queues.most)')}) as own
    union all
    select * from (${standingIn(t, LANE.suspect, '= any ($5)', '$7::int')}) as suspects) as x),
of_suspects as (
  select *, row_number() over (partition by suspect order by place, rank, run_at, id) as nth_suspect from found),
of_names as (
  select *, row_number() over (partition by name order by place, rank, run_at, id) as nth_of_name from of_suspects
  where not suspect or nth_suspect <= $7::int),
of_queues as (
  select f.*, row_number() over (partition by f.place order by f.rank, f.run_at, f.id) as nth_of_queue
  from of_names f left join limited on limited.name = f.name
  where limited.name is null or f.nth_of_name <= limited.most),
picked as materialized (
  select ctid from of_queues where nth_of_queue <= most
  order by place, rank, run_at, id limit (select most from room)),`;

const PICKED_BY = { usual: PICKED, withSuspects: PICKED_WITH_SUSPECTS, withLimits: PICKED_WITH_LIMITS } as const;
type ClaimKind = keyof typeof PICKED_BY;

/** SQL: the queues with what is said of each. */
const QUEUES = {
  usual: `unnest($3::text[], $4::int[], $8::int[], $9::bigint[], $10::uuid[]) as q (queue, most, mark_rank, mark_run_at, mark_id)`,
  withSuspects: `unnest($3::text[], $4::int[]) as q (queue, most)`,
  withLimits: `unnest($3::text[], $4::int[]) with ordinality as q (queue, most, place)`,
} as const;

/** When each kind of claim takes jobs at all. */
const TAKES = { usual: 'and not due and not suspects', withSuspects: '', withLimits: 'and (not due or $10)' } as const;

/*
 * While deferred jobs are due, or suspects wait, the usual claim takes nothing and says so: the first have to become ready
 * (`promote`), or a lower priority would overtake them; the second are for the other claim, which takes all the same.
 *
 * $1 clock  $2 worker  $3 queues  $4 limits of the queues  $5 names  $6 limit  $7 suspects at most
 */
export const claimText = (t: Tables, kind: ClaimKind): string => `
with ${CLOCK},
queues as materialized (select * from ${QUEUES[kind]}),
names as materialized (select * from unnest($5::text[]) as n (name)),
status as materialized (
  select case when w.id is null or w.state = 'dead' then ${ALIVE.dead}
              when w.state = 'draining' or w.lease_expires_at <= c.now then ${ALIVE.idle}
              else ${ALIVE.active} end as alive
  from clock c left join ${t.workers} w on w.id = $2),
first as materialized (
  select exists (
    select 1 from queues cross join names cross join lateral (
      select 1 from ${t.live} d
      where d.lane = ${LANE.deferred} and d.queue = queues.queue and d.name = names.name
        and d.run_at <= (select now from clock)
      limit 1) as found) as due,
    $7::int > 0 and ${standsIn(t, LANE.suspect)} as suspects),
room as materialized (
  select case when alive = ${ALIVE.active} ${TAKES[kind]} then $6::int else 0 end as most
  from status, first),${PICKED_BY[kind](t)}
claimed as (
  update ${t.live} l
  set running = true, attempt = l.attempt + 1, worker_id = $2, retrying = false,
      started_at = (select now from clock), updated_at = (select now from clock)
  where l.ctid = any (array(select ctid from picked))
  returning l.id, l.run_at, l.started_at, l.attempt, l.retry_count, l.suspect),
later as (
  select min(d.run_at) as at from queues cross join names cross join lateral (
    select run_at from ${t.live} d
    where d.lane = ${LANE.deferred} and d.queue = queues.queue and d.name = names.name
    order by run_at limit 1) as d),
header as (
  select alive, due, suspects,
    case when $6::int > 0 and (select count(*) from claimed) >= $6 then 0
         when ${standsIn(t, LANE.ready, `and not exists (select 1 from claimed c where c.id = l.id) ${kind === 'usual' ? BEHIND_MARK : ''}`)} then 0
         when ${standsIn(t, LANE.suspect, 'and not exists (select 1 from claimed c where c.id = l.id)')} then 0
         else (select case when at is not null then greatest(0, at - (select now from clock)) end from later) end as next_due
  from status, first)
select null, header.next_due, null, header.alive, null, header.due, null, null, null, null, null, null, null, null,
  null, null, null, null, null, null, null, null, header.suspects
from header
union all
select c.id, c.run_at, c.started_at, c.attempt, c.retry_count, c.suspect,
  f.name, f.queue, f.payload, f.codec, f.priority, f.max_retries, f.timeout_ms, f.created_at, f.scope_app_id, f.scope_org_id,
  f.backoff, f.unique_key, f.group_key, f.headers, f.cron_id, f.cron_at, null
from claimed c join ${t.jobs} f on f.id = c.id`;

/** Makes due jobs claimable. $1 clock  $2 queues  $3 names */
export const promoteText = (t: Tables): string => `
with ${CLOCK},
due as materialized (
  select d.ctid from unnest($2::text[]) as q (queue) cross join unnest($3::text[]) as n (name) cross join lateral (
    select l.ctid from ${t.live} l
    where l.lane = ${LANE.deferred} and l.queue = q.queue and l.name = n.name and l.run_at <= (select now from clock)
    order by l.run_at limit ${PROMOTE_BATCH}
    for update skip locked) as d
  limit ${PROMOTE_BATCH})
update ${t.live} set lane = case when suspect then ${LANE.suspect} else ${LANE.ready} end where ctid = any (array(select ctid from due))`;
