import {
  FACT_NAMES,
  accepted,
  clock,
  factColumns,
  factValues,
  inputRows,
  retries,
  settlements,
  withFacts,
} from '../sql.mjs';

/** H: as C2, but how a job ended is one HOT update of its facts row instead of a row of its own. */
export const factsFinish = {
  key: 'H',
  name: 'H facts-finish',
  summary: 'C2, but settle writes the outcome into the facts row (HOT, fillfactor 60) instead of an outcomes table',
  tables: ['facts', 'live'],
  finished: 'select count(*), count(distinct id), coalesce(sum(attempt), 0) from facts where state is not null',
  unfinished: 'select count(*) from live',
  ddl: (t) => [
    `create table facts (${factColumns(t)},
      run_at ${t.time},
      started_at ${t.time},
      completed_at ${t.time},
      worker_id ${t.id},
      attempt integer,
      retry_count smallint,
      state smallint,
      result text,
      errors text,
      primary key (id)) with (fillfactor = 60)`,
    'create index facts_list on facts (created_at, id)',
    `create table live (
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
      errors text) with (fillfactor = 45)`,
    'create index live_claim on live (queue, rank, run_at, id)',
    'create index live_worker on live using brin (worker_id) with (pages_per_range = 16, autosummarize = on)',
  ],
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
  update facts f set run_at = d.run_at, started_at = d.started_at, completed_at = t.now, worker_id = d.worker_id,
    attempt = d.attempt, retry_count = d.retry_count, state = d.state, result = d.result, errors = d.errors
  from freed d, t where f.id = d.id
  returning f.id)
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
