import {
  FACT_NAMES,
  RETRYING,
  RUNNING,
  accepted,
  clock,
  factColumns,
  factValues,
  factsOf,
  inputRows,
  retries,
  settlements,
} from '../sql.mjs';

/** A: one row a job, changed in place. */
export const mutable = {
  key: 'A',
  name: 'A mutable',
  summary: 'one table, partial indexes; claim and settle are updates',
  tables: ['jobs'],
  finished: `select count(*), count(distinct id), coalesce(sum(attempt), 0) from jobs where state > ${RUNNING}`,
  unfinished: `select count(*) from jobs where state <= ${RUNNING}`,
  ddl: (t) => [
    `create table jobs (${factColumns(t)},
      run_at ${t.time} not null,
      started_at ${t.time},
      completed_at ${t.time},
      worker_id ${t.id},
      attempt integer not null default 0,
      retry_count smallint not null default 0,
      state smallint not null default 0,
      result text,
      errors text,
      primary key (id))`,
    'create index jobs_list on jobs (created_at, id)',
    `create index jobs_claim on jobs (queue, priority desc, run_at, id) where state < ${RUNNING}`,
    `create index jobs_worker on jobs (worker_id) where state = ${RUNNING}`,
  ],
  insert: (t) => `
with ${clock(t)}
insert into jobs (${FACT_NAMES}, run_at)
select ${factValues}, coalesce(i.run_at, t.now) from t, ${inputRows(t)}`,
  claim: (t) => `
with ${clock(t)},
picked as materialized (
  select id from jobs
  where queue = $3 and state < ${RUNNING} and name = any($4) and run_at <= (select now from t)
  order by priority desc, run_at, id limit $2
  for update skip locked)
update jobs j
set state = ${RUNNING}, attempt = j.attempt + 1, worker_id = $1, started_at = t.now
from picked, t where j.id = picked.id
returning ${factsOf('j')}, j.run_at, j.attempt, j.retry_count, j.started_at`,
  settle: (t) => `
with ${clock(t)},
done as (
  update jobs j set state = s.state, result = s.result, completed_at = t.now
  from t, ${settlements(t)}
  where j.id = s.id and j.completed_at is null and j.worker_id is not distinct from $1 and j.attempt = s.attempt
  returning j.id)
${accepted('done')}`,
  retry: (t) => `
with ${clock(t)},
done as (
  update jobs j set state = ${RETRYING}, errors = s.error, retry_count = j.retry_count + 1, worker_id = null,
    run_at = ${t.later('t.now', 's.delay_ms')}
  from t, ${retries(t)}
  where j.id = s.id and j.completed_at is null and j.worker_id is not distinct from $1 and j.attempt = s.attempt
  returning j.id)
${accepted('done')}`,
};
