import { CLOCK, type Tables } from '../tables.js';
import { NEW_RUN_COLUMNS, newRunRows, newRunSelect } from './insert-runs.js';
import { eventsOfWait } from './run-history.js';

/** What a commit does to a run, as the statement says it; 0: nothing. */
export const NEXT = {
  none: 0,
  parked: 1,
  completed: 2,
  failed: 3,
  cancelled: 4,
  compensating: 5,
  stuck: 6,
  released: 7,
} as const;

const ENDS = `(${NEXT.completed}, ${NEXT.failed}, ${NEXT.cancelled})`;
const LETS_GO = `(${NEXT.parked}, ${NEXT.completed}, ${NEXT.failed}, ${NEXT.cancelled}, ${NEXT.stuck}, ${NEXT.released})`;

/**
 * A run that parks with waits for events or children is due this soon at the latest, until the look after the commit has
 * found that nothing came: so nothing is lost when the process dies between the two. In milliseconds.
 */
const INSURED_MS = 10_000;

/** Number of the first parameter of the children. */
export const CHILDREN_AT = 37;

/*
 * A group commit in one statement. The runs and the parents of those that end are locked in the order of their ids first, as
 * they come: so a parent that parks at this moment does so before, and is woken, or after, and sees in its look that its
 * child has ended. All else is written for the runs that are held by then. A parent among the runs is not woken here: it is
 * held still, or parks in this statement and is looked at afterwards.
 *
 * $1 clock  $2 worker  $3 ids to lock, in order
 * runs: $4 ids  $5 attempts  $6 next  $7 output or error  $8 target  $9 wake at  $10 wake in  $11 status  $12 progress  $13 insured
 * checkpoints: $14 runs  $15 seqs  $16 after  $17 failed  $18 undoable  $19 tries  $20 elapsed  $21 events  $22 keys  $23 errors  $24 values
 * waits: $25 runs  $26 parts  $27 kinds  $28 due at  $29 due in  $30 lookback  $31 names  $32 event keys  $33 children  $34 tries and error
 *   as $35 errors  $36 keys; rejected and the keys that stay come after the children
 */
export const commitText = (t: Tables): string => `
with ${CLOCK},
locked as materialized (
  select l.* from unnest($3::uuid[]) with ordinality as s (id, place)
  cross join lateral (
    select id, attempt, worker_id, state, generation, name, created_at, deadline_at, cancel_requested_at, completed_at, retry_count, suspect
    from ${t.runs} where id = s.id for update) as l),
held as materialized (
  select l.*, g.next, g.said, g.goal, g.wake_at, g.wake_in, g.status, g.progress, g.insured
  from unnest($4::uuid[], $5::int[], $6::smallint[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::boolean[],
    $13::boolean[]) as g (id, attempt, next, said, goal, wake_at, wake_in, status, progress, insured)
  join locked l on l.id = g.id and l.attempt = g.attempt and l.worker_id = $2),
made as materialized (
  select c.*, h.generation, h.attempt
  from unnest($14::uuid[], $15::int[], $16::int[], $17::boolean[], $18::boolean[], $19::int[], $20::bigint[], $21::uuid[], $22::text[],
    $23::text[], $24::text[]) as c (run_id, seq, after_seq, failed, undoable, tries, elapsed, event_id, key, error, value)
  join held h on h.id = c.run_id),
recorded as (
  insert into ${t.checkpoints} (run_id, generation, seq, after_seq, tries, attempt, started_at, completed_at, event_id, failed, undoable,
    key, error, value)
  select run_id, generation, seq, after_seq, tries, attempt, (select now from clock) - elapsed, (select now from clock), event_id, failed,
    undoable, key, error, value
  from made
  on conflict (run_id, generation, seq) do nothing),
kept as materialized (
  select * from unnest($${CHILDREN_AT + 15}::uuid[], $${CHILDREN_AT + 16}::text[]) as k (run_id, key)),
ended_waits as (
  delete from ${t.waits} w
  where w.run_id = any (array(select id from held)) and (
    exists (select 1 from made m where m.run_id = w.run_id and m.key = w.key)
    or exists (select 1 from held h where h.id = w.run_id and (h.next in ${ENDS}
      or (h.next = ${NEXT.parked} and not exists (select 1 from kept k where k.run_id = w.run_id and k.key = w.key)))))),
put_waits as (
  insert into ${t.waits} as w (run_id, key, part, kind, due_at, since_at, event_name, event_key, child_run_id, tries, error, rejected)
  select p.run_id, p.key, p.part, p.kind, coalesce(p.due_at, (select now from clock) + p.due_in), h.created_at - p.lookback, p.event_name,
    p.event_key, p.child_run_id, p.tries, p.error, p.rejected::uuid[]
  from unnest($25::uuid[], $26::int[], $27::text[], $28::bigint[], $29::bigint[], $30::bigint[], $31::text[], $32::text[], $33::uuid[],
    $34::int[], $35::text[], $36::text[], $${CHILDREN_AT + 14}::text[])
    as p (run_id, part, kind, due_at, due_in, lookback, event_name, event_key, child_run_id, tries, error, key, rejected)
  join held h on h.id = p.run_id
  on conflict (run_id, key, part) do update
  set rejected = excluded.rejected,
      due_at = case when w.tries = excluded.tries then w.due_at else excluded.due_at end,
      error = case when w.tries = excluded.tries then w.error else excluded.error end,
      tries = excluded.tries),
children as (
  insert into ${t.runs} (${NEW_RUN_COLUMNS})
  select ${newRunSelect('(select now from clock)')} from ${newRunRows(CHILDREN_AT)} join held h on h.id = n.parent_run_id
  on conflict do nothing
  returning name),
moving as materialized (
  select h.*, case
      when next in ${ENDS} or (next = ${NEXT.stuck} and cancel_requested_at is null) then null
      when next = ${NEXT.released} or cancel_requested_at is not null then (select now from clock)
      else least(wake_at, (select now from clock) + wake_in, case when state <> 'compensating' then deadline_at end) end as due
  from held h),
moved as (
  update ${t.runs} r
  set updated_at = (select now from clock),
      status = coalesce(m.status, r.status),
      retry_count = case when m.progress then 0 else r.retry_count end,
      suspect = r.suspect and not m.progress and m.next not in ${ENDS},
      state = case m.next
        when ${NEXT.completed} then 'completed' when ${NEXT.failed} then 'failed' when ${NEXT.cancelled} then 'cancelled'
        when ${NEXT.compensating} then 'compensating' when ${NEXT.none} then r.state
        else case when r.state = 'running' then 'waiting' else r.state end end,
      output = case when m.next = ${NEXT.completed} then m.said else r.output end,
      error = case when m.next in (${NEXT.failed}, ${NEXT.cancelled}, ${NEXT.compensating}, ${NEXT.stuck}) then m.said
                   when m.next = ${NEXT.completed} then null else r.error end,
      target = case when m.next = ${NEXT.compensating} then m.goal else r.target end,
      completed_at = case when m.next in ${ENDS} then (select now from clock) else null end,
      worker_id = case when m.next in ${LETS_GO} then null else r.worker_id end,
      wake_at = case when m.next not in ${LETS_GO} then r.wake_at
                     when m.insured and m.next = ${NEXT.parked} then least(m.due, (select now from clock) + ${INSURED_MS})
                     else m.due end
  from moving m
  where r.id = m.id and (m.next <> ${NEXT.none} or m.status is not null or (m.progress and (m.retry_count > 0 or m.suspect)))
  returning r.id, r.wake_at),
woken as (
  update ${t.runs} r set wake_at = (select now from clock), updated_at = (select now from clock)
  from locked l
  where r.id = l.id and l.worker_id is null and l.completed_at is null and l.id <> all ($4::uuid[])
    and exists (select 1 from held h where h.next in ${ENDS})
  returning r.name)
select 'run', m.id, m.name, (select now from clock), d.wake_at, m.due from moving m left join moved d on d.id = m.id
union all select 'woken', null, name, null, null, null from woken
union all select 'child', null, name, null, null, null from children
union all
select 'signal', l.id, null, null, null, null from locked l
where l.worker_id is not null and l.completed_at is null
  and not exists (select 1 from held h where h.id = l.id and h.next in ${LETS_GO})
  and l.id = any ($${CHILDREN_AT + 17}::uuid[])`;

/** SQL: whether something has come of the waits of the run `r`. */
const isMet = (t: Tables): string => `
  exists (
    select 1 from ${t.waits} w join ${t.runs} c on c.id = w.child_run_id
    where w.run_id = r.id and w.child_run_id is not null and c.completed_at is not null)
  or exists (
    select 1 from (select * from ${t.waits} where run_id = r.id and event_name is not null offset 0) as w
    cross join lateral (${eventsOfWait(t, '1')}) as e)`;

/*
 * The look after the commit: runs that parked are due at once if one of their waits is met by now, else as they meant to be.
 * One that somebody woke meanwhile, or that is no longer as it was parked, is left alone.
 * $1 clock  $2 runs  $3 when they are due as the commit wrote it  $4 when they want to be
 */
export const lookText = (t: Tables): string => `
with ${CLOCK},
parked as materialized (
  select r.id, p.was, p.wanted, ${isMet(t)} as met
  from unnest($2::uuid[], $3::bigint[], $4::bigint[]) as p (id, was, wanted)
  cross join lateral (select * from ${t.runs} where id = p.id) as r)
update ${t.runs} r
set wake_at = case when p.met then (select now from clock) else p.wanted end
from parked p
where r.id = p.id and r.worker_id is null and r.wake_at = p.was
returning r.name, r.wake_at, (select now from clock)`;
