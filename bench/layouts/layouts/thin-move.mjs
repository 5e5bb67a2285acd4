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

const waiting = (t, table) => `create table ${table} (
  id ${t.id} primary key,
  run_at ${t.time} not null,
  attempt integer not null,
  rank smallint not null,
  retry_count smallint not null,
  queue text not null,
  name text not null,
  errors text)`;

const WAITING = 'id, run_at, attempt, rank, retry_count, queue, name, errors';

/** B: a row moves through thin tables. */
export const thinMove = {
  key: 'B',
  name: 'B thin-move',
  summary: 'facts + ready + deferred + leases + outcomes; a job moves from table to table',
  tables: ['facts', 'ready', 'deferred', 'leases', 'outcomes'],
  finished: 'select count(*), count(distinct id), coalesce(sum(attempt), 0) from outcomes',
  unfinished: 'select (select count(*) from ready) + (select count(*) from leases) + (select count(*) from deferred)',
  // What was deferred is moved when due; the drain calls it when a claim came back empty.
  promote: (t) => `
with ${clock(t)},
due as (delete from deferred where id in (
  select id from deferred where run_at <= (select now from t) order by run_at limit 1000 for update skip locked)
  returning ${WAITING})
insert into ready (${WAITING}) select * from due`,
  ddl: (t) => [
    ...factsTable(t),
    waiting(t, 'ready'),
    'create index ready_claim on ready (queue, rank, run_at, id)',
    waiting(t, 'deferred'),
    'create index deferred_due on deferred (run_at)',
    `create table leases (
      id ${t.id} primary key,
      run_at ${t.time} not null,
      started_at ${t.time} not null,
      worker_id ${t.id} not null,
      attempt integer not null,
      rank smallint not null,
      retry_count smallint not null,
      queue text not null,
      name text not null,
      errors text)`,
    'create index leases_worker on leases (worker_id)',
    ...outcomesTable(t),
  ],
  insert: (t) => `
with ${clock(t)},
i as materialized (select i.*, coalesce(i.run_at, t.now) as due from t, ${inputRows(t)}),
f as (insert into facts (${FACT_NAMES}) select ${factValues} from i, t),
d as (insert into deferred (${WAITING})
  select i.id, i.due, 0, -i.priority, 0, i.queue, i.name, null from i, t where i.due > t.now)
insert into ready (${WAITING})
select i.id, i.due, 0, -i.priority, 0, i.queue, i.name, null from i, t where i.due <= t.now`,
  claim: (t) => `
with ${clock(t)},
picked as materialized (
  select ctid from ready
  where queue = $3 and name = any($4)
  order by rank, run_at, id limit $2
  for update skip locked),
taken as (
  delete from ready where ctid = any (array(select ctid from picked)) returning ${WAITING}),
leased as (
  insert into leases (id, run_at, started_at, worker_id, attempt, rank, retry_count, queue, name, errors)
  select id, run_at, t.now, $1, attempt + 1, rank, retry_count, queue, name, errors from taken, t
  returning id, run_at, attempt, retry_count, started_at)
${withFacts('leased')}`,
  settle: (t) => `
with ${clock(t)},
freed as (
  delete from leases l using ${settlements(t)}
  where l.id = s.id and l.worker_id is not distinct from $1 and l.attempt = s.attempt
  returning l.id, l.run_at, l.started_at, l.worker_id, l.attempt, l.retry_count, s.state, s.result, l.errors),
done as (
  insert into outcomes (${OUTCOME_NAMES})
  select id, run_at, started_at, t.now, worker_id, attempt, retry_count, state, result, errors from freed, t
  returning id)
${accepted('done')}`,
  retry: (t) => `
with ${clock(t)},
freed as (
  delete from leases l using ${retries(t)}
  where l.id = s.id and l.worker_id is not distinct from $1 and l.attempt = s.attempt
  returning l.id, ${t.later('(select now from t)', 's.delay_ms')} as run_at, l.attempt, l.rank, l.retry_count + 1, l.queue, l.name, s.error),
done as (insert into deferred (${WAITING}) select * from freed returning id)
${accepted('done')}`,
};
