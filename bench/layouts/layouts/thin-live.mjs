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

const live = (t, options = '') => `create table live (
  id ${t.id} primary key,
  run_at ${t.time} not null,
  started_at ${t.time},
  worker_id ${t.id},
  attempt integer not null default 0,
  rank smallint not null,
  phase smallint not null default 0,
  retry_count smallint not null default 0,
  queue text not null,
  name text not null,
  errors text) ${options}`;

const base = {
  tables: ['facts', 'live', 'outcomes'],
  finished: 'select count(*), count(distinct id), coalesce(sum(attempt), 0) from outcomes',
  unfinished: 'select count(*) from live',
  insert: (t) => `
with ${clock(t)},
i as materialized (select * from ${inputRows(t)}),
f as (insert into facts (${FACT_NAMES}) select ${factValues} from t, i)
insert into live (id, run_at, rank, queue, name)
select i.id, coalesce(i.run_at, t.now), -i.priority, i.queue, i.name from t, i`,
  claim: (t) => `
with ${clock(t)},
picked as materialized (
  select ctid from live
  where phase = 0 and queue = $3 and name = any($4) and run_at <= (select now from t)
  order by rank, run_at, id limit $2
  for update skip locked),
claimed as (
  update live l set phase = 1, attempt = l.attempt + 1, worker_id = $1, started_at = (select now from t)
  where l.ctid = any (array(select ctid from picked))
  returning l.id, l.run_at, l.attempt, l.retry_count, l.started_at)
${withFacts('claimed')}`,
  settle: (t) => `
with ${clock(t)},
freed as (
  delete from live l using ${settlements(t)}
  where l.id = s.id and l.worker_id is not distinct from $1 and l.attempt = s.attempt
  returning l.id, l.run_at, l.started_at, l.worker_id, l.attempt, l.retry_count, s.state, s.result, l.errors),
done as (
  insert into outcomes (${OUTCOME_NAMES})
  select id, run_at, started_at, t.now, worker_id, attempt, retry_count, state, result, errors from freed, t
  returning id)
${accepted('done')}`,
  retry: (t) => `
with ${clock(t)},
done as (
  update live l set phase = 0, worker_id = null, retry_count = l.retry_count + 1, errors = s.error,
    run_at = ${t.later('t.now', 's.delay_ms')}
  from t, ${retries(t)}
  where l.id = s.id and l.worker_id is not distinct from $1 and l.attempt = s.attempt
  returning l.id)
${accepted('done')}`,
};

/** C: facts never change, one thin row lives while the job does. */
export const thinLive = {
  ...base,
  key: 'C',
  name: 'C thin-live',
  summary: 'facts (insert-only) + live (thin, partial claim index) + outcomes (insert-only)',
  ddl: (t) => [
    ...factsTable(t),
    live(t),
    'create index live_claim on live (queue, rank, run_at, id) where phase = 0',
    'create index live_worker on live (worker_id) where phase = 1',
    ...outcomesTable(t),
  ],
};

/** The tables of C2; `options` are those of `live`. */
export const liveTables = (t, options = 'with (fillfactor = 45)') => [
  ...factsTable(t),
  live(t, options),
  'create index live_claim on live (queue, rank, run_at, id)',
  'create index live_worker on live using brin (worker_id) with (pages_per_range = 16, autosummarize = on)',
  ...outcomesTable(t),
];

/** C2: no index of `live` mentions what a claim changes; BRIN does not stand in the way of HOT (PostgreSQL 16). */
export const thinLiveHot = {
  ...base,
  key: 'C2',
  name: 'C2 thin-live HOT',
  summary: 'C, but the claim index is not partial and the worker index is BRIN, so that a claim is a HOT update',
  ddl: (t) => liveTables(t),
};
