import {
  FACT_NAMES,
  OUTCOME_NAMES,
  accepted,
  clock,
  factValues,
  factsTable,
  inputRows,
  outcomesTable,
  retries,
  settlements,
  withFacts,
} from '../sql.mjs';

const READY = 'id, run_at, attempt, rank, retry_count, queue, name, errors';

/**
 * The blocks named in $6, locked; `ended`: their jobs that the given rows settle; the blocks lose those jobs.
 * The given rows' ids have names of their own, since `ended` carries the columns of both sides.
 */
const endedBlocks = (given) => `
b as materialized (
  select * from leases where worker_id = $1 and block_id = any (array(select distinct unnest($6::bigint[]))) for update),
held as materialized (
  select b.block_id, b.started_at, u.* from b,
    unnest(b.ids, b.run_ats, b.attempts, b.retry_counts) as u (id, run_at, attempt, retry_count)),
ended as materialized (
  select h.*, s.* from held h
  join ${given.replace('s (id, attempt', 's (given_id, given_attempt')} on s.given_id = h.id and s.given_attempt = h.attempt),
rest as (
  select block_id, array_agg(id) as ids, array_agg(run_at) as run_ats, array_agg(attempt) as attempts,
    array_agg(retry_count) as retry_counts
  from held where id not in (select given_id from ended) group by block_id),
shrunk as (
  update leases l set ids = r.ids, run_ats = r.run_ats, attempts = r.attempts, retry_counts = r.retry_counts
  from rest r where r.block_id = l.block_id),
emptied as (
  delete from leases where block_id in (select block_id from b) and block_id not in (select block_id from rest))`;

/** E: a claim deletes the thin rows and writes one lease for all of them. */
export const blockLease = {
  key: 'E',
  name: 'E block lease',
  summary: 'facts + ready + one lease row for each claimed block (arrays) + outcomes',
  tables: ['facts', 'ready', 'leases', 'outcomes'],
  handles: 'bigint[]',
  finished: 'select count(*), count(distinct id), coalesce(sum(attempt), 0) from outcomes',
  unfinished: 'select (select count(*) from ready) + (select coalesce(sum(cardinality(ids)), 0) from leases)',
  ddl: (t) => [
    ...factsTable(t),
    `create table ready (
      id ${t.id} primary key,
      run_at ${t.time} not null,
      attempt integer not null default 0,
      rank smallint not null,
      retry_count smallint not null default 0,
      queue text not null,
      name text not null,
      errors text)`,
    'create index ready_claim on ready (queue, rank, run_at, id)',
    `create table leases (
      block_id bigint generated always as identity primary key,
      started_at ${t.time} not null,
      worker_id ${t.id} not null,
      ids ${t.idArray} not null,
      run_ats ${t.timeArray} not null,
      attempts integer[] not null,
      retry_counts smallint[] not null)`,
    'create index leases_worker on leases (worker_id)',
    ...outcomesTable(t),
  ],
  insert: (t) => `
with ${clock(t)},
i as materialized (select * from ${inputRows(t)}),
f as (insert into facts (${FACT_NAMES}) select ${factValues} from t, i)
insert into ready (id, run_at, rank, queue, name)
select i.id, coalesce(i.run_at, t.now), -i.priority, i.queue, i.name from t, i`,
  claim: (t) => `
with ${clock(t)},
picked as materialized (
  select ctid from ready
  where queue = $3 and name = any($4) and run_at <= (select now from t)
  order by rank, run_at, id limit $2
  for update skip locked),
taken as (
  delete from ready where ctid = any (array(select ctid from picked))
  returning id, run_at, attempt + 1 as attempt, retry_count, (select now from t) as started_at),
leased as (
  insert into leases (started_at, worker_id, ids, run_ats, attempts, retry_counts)
  select (select now from t), $1, array_agg(id), array_agg(run_at), array_agg(attempt), array_agg(retry_count)
  from taken having count(*) > 0
  returning block_id)
${withFacts('taken', ', (select block_id from leased)')}`,
  settle: (t) => `
with ${clock(t)}, ${endedBlocks(settlements(t))},
done as (
  insert into outcomes (${OUTCOME_NAMES})
  select id, run_at, started_at, t.now, $1, attempt, retry_count, state, result, null from ended, t
  returning id)
${accepted('done')}`,
  retry: (t) => `
with ${clock(t)}, ${endedBlocks(retries(t))},
done as (
  insert into ready (${READY})
  select e.id, ${t.later('t.now', 'e.delay_ms')}, e.attempt, -f.priority, e.retry_count + 1, f.queue, f.name, e.error
  from t, ended e join facts f on f.id = e.id
  returning id)
${accepted('done')}`,
};
