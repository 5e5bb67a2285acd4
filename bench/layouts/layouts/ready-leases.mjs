import {
  FACT_NAMES,
  OUTCOME_NAMES,
  accepted,
  clock,
  factColumns,
  factValues,
  inputRows,
  outcomesTable,
  retries,
  settlements,
  withFacts,
} from '../sql.mjs';

const READY = 'queue, rank, run_at, id, attempt, retry_count, name, errors';
const LEASE = 'id, run_at, started_at, worker_id, attempt, retry_count, errors';

const tables = (t, { key = 'queue, rank, run_at, id', readyById = false, leasesByWorker = false } = {}) => [
  `create table facts (${factColumns(t)}, run_at ${t.time} not null, primary key (id))`,
  'create index facts_list on facts (created_at, id)',
  `create table ready (
    id ${t.id} not null,
    run_at ${t.time} not null,
    attempt integer not null default 0,
    rank smallint not null,
    retry_count smallint not null default 0,
    queue text not null,
    name text not null,
    errors text,
    primary key (${key}))`,
  ...(readyById ? ['create unique index ready_id on ready (id)'] : []),
  `create table leases (
    id ${t.id} primary key,
    run_at ${t.time} not null,
    started_at ${t.time} not null,
    worker_id ${t.id} not null,
    attempt integer not null,
    retry_count smallint not null,
    errors text)`,
  ...(leasesByWorker ? ['create index leases_worker on leases (worker_id)'] : []),
  ...outcomesTable(t),
];

/**
 * F: B with the fewest indexes. `ready` is keyed by the claim's order: facts.run_at always holds the time a waiting
 * row waits for, so that a row is found by id through facts. `leases` holds only what runs: a rescue reads it whole.
 */
export const readyLeases = {
  key: 'F',
  name: 'F ready + leases',
  summary: 'facts + ready (keyed by claim order, no other index) + leases (keyed by id) + outcomes (insert-only)',
  tables: ['facts', 'ready', 'leases', 'outcomes'],
  finished: 'select count(*), count(distinct id), coalesce(sum(attempt), 0) from outcomes',
  unfinished: 'select (select count(*) from ready) + (select count(*) from leases)',
  ddl: (t) => tables(t),
  insert: (t) => `
with ${clock(t)},
i as materialized (select i.*, coalesce(i.run_at, t.now) as due from t, ${inputRows(t)}),
f as (insert into facts (${FACT_NAMES}, run_at) select ${factValues}, i.due from t, i)
insert into ready (id, run_at, rank, queue, name) select i.id, i.due, -i.priority, i.queue, i.name from i`,
  claim: (t) => `
with ${clock(t)},
picked as materialized (
  select ctid from ready
  where queue = $3 and name = any($4) and run_at <= (select now from t)
  order by rank, run_at, id limit $2
  for update skip locked),
taken as (
  delete from ready where ctid = any (array(select ctid from picked))
  returning id, run_at, attempt, retry_count, errors),
leased as (
  insert into leases (${LEASE})
  select id, run_at, t.now, $1, attempt + 1, retry_count, errors from taken, t
  returning id, run_at, attempt, retry_count, started_at)
${withFacts('leased')}`,
  settle: (t) => `
with ${clock(t)},
freed as (
  delete from leases l using ${settlements(t)}
  where l.id = s.id and l.worker_id = $1 and l.attempt = s.attempt
  returning l.*, s.state, s.result),
done as (
  insert into outcomes (${OUTCOME_NAMES})
  select id, run_at, started_at, t.now, worker_id, attempt, retry_count, state, result, errors from freed, t
  returning id)
${accepted('done')}`,
  retry: (t) => `
with ${clock(t)},
freed as (
  delete from leases l using ${retries(t)}
  where l.id = s.id and l.worker_id = $1 and l.attempt = s.attempt
  returning l.*, ${t.later('(select now from t)', 's.delay_ms')} as due, s.error),
moved as (
  update facts f set run_at = d.due from freed d where f.id = d.id
  returning f.queue, -f.priority as rank, d.due, f.id, d.attempt, d.retry_count + 1, f.name, d.error),
done as (insert into ready (${READY}) select * from moved returning id)
${accepted('done')}`,
};

/*
 * The same claim as a walk over (queue, rank): each step is one range of the primary key up to the present, so that
 * deferred rows of a better rank are skipped on every version of PostgreSQL (18 does it by itself: skip scan). Row
 * comparisons, because the planner guesses few rows for `queue = $3` and then prefers to sort them.
 */
const walkingClaim = (t) => `
with recursive ${clock(t)},
picked as materialized (
  select p.place
  from unnest(array[$3::text], array[$2::bigint]) with ordinality as q (queue, most, position)
  cross join lateral (
    with recursive ranks (rank) as (
      (select r.rank from ready r where r.queue = q.queue order by r.queue, r.rank limit 1)
      union all
      select (
        select r.rank from ready r where r.queue = q.queue and r.rank > ranks.rank order by r.queue, r.rank limit 1)
      from ranks where ranks.rank is not null)
    select w.place
    from ranks
    cross join lateral (
      select r.ctid as place from ready r
      where (r.queue, r.rank, r.run_at) >= (q.queue, ranks.rank, ${t.time === 'bigint' ? '0' : "'-infinity'::timestamptz"})
        and (r.queue, r.rank, r.run_at) <= (q.queue, ranks.rank, (select now from t))
        and case when r.name = any ($4) then true else false end
      order by r.queue, r.rank, r.run_at, r.id
      limit q.most
      for update skip locked) w
    where ranks.rank is not null
    limit q.most) p
  limit $2),
taken as (
  delete from ready where ctid = any (array(select place from picked))
  returning id, run_at, attempt, retry_count, errors),
leased as (
  insert into leases (${LEASE})
  select id, run_at, t.now, $1, attempt + 1, retry_count, errors from taken, t
  returning id, run_at, attempt, retry_count, started_at)
${withFacts('leased')}`;

export const walking = { ...readyLeases, key: 'F3', name: 'F3 claim walks the ranks', claim: walkingClaim };
export const nameInKey = {
  ...readyLeases,
  key: 'F4',
  name: 'F4 F3 with name in the key',
  ddl: (t) => tables(t, { key: 'queue, rank, run_at, id, name' }),
  claim: (t) => walkingClaim(t).replace('case when r.name = any ($4) then true else false end', 'r.name = any ($4)'),
};
export const readyById = {
  ...readyLeases,
  key: 'F1',
  name: 'F1 ready also by id',
  ddl: (t) => tables(t, { readyById: true }),
};
export const leasesByWorker = {
  ...readyLeases,
  key: 'F2',
  name: 'F2 leases also by worker',
  ddl: (t) => tables(t, { readyById: true, leasesByWorker: true }),
};
