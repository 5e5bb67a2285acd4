import {
  FACT_NAMES,
  accepted,
  clock,
  factColumns,
  factValues,
  factsOf,
  inputRows,
  retries,
  settlements,
} from '../sql.mjs';

const HISTORY = `${FACT_NAMES}, run_at, started_at, worker_id, attempt, retry_count, errors`;

const columns = (t) => `${factColumns(t)},
  run_at ${t.time} not null,
  started_at ${t.time},
  worker_id ${t.id},
  attempt integer not null default 0,
  phase smallint not null default 0,
  retry_count smallint not null default 0,
  errors text`;

/** D: everything in one hot table, finished jobs are moved out whole. */
export const moved = {
  key: 'D',
  name: 'D moved',
  summary: 'one hot table; settle deletes the row and inserts it whole into a history table',
  tables: ['hot', 'history'],
  finished: 'select count(*), count(distinct id), coalesce(sum(attempt), 0) from history',
  unfinished: 'select count(*) from hot',
  ddl: (t) => [
    `create table hot (${columns(t)}, primary key (id))`,
    'create index hot_list on hot (created_at, id)',
    'create index hot_claim on hot (queue, priority desc, run_at, id) where phase = 0',
    'create index hot_worker on hot (worker_id) where phase = 1',
    `create table history (${columns(t)}, completed_at ${t.time} not null, state smallint not null, result text, primary key (id))`,
    'create index history_list on history (created_at, id)',
  ],
  insert: (t) => `
with ${clock(t)}
insert into hot (${FACT_NAMES}, run_at)
select ${factValues}, coalesce(i.run_at, t.now) from t, ${inputRows(t)}`,
  claim: (t) => `
with ${clock(t)},
picked as materialized (
  select ctid from hot
  where phase = 0 and queue = $3 and name = any($4) and run_at <= (select now from t)
  order by priority desc, run_at, id limit $2
  for update skip locked)
update hot h set phase = 1, attempt = h.attempt + 1, worker_id = $1, started_at = (select now from t)
where h.ctid = any (array(select ctid from picked))
returning ${factsOf('h')}, h.run_at, h.attempt, h.retry_count, h.started_at`,
  settle: (t) => `
with ${clock(t)},
gone as (
  delete from hot h using ${settlements(t)}
  where h.id = s.id and h.worker_id is not distinct from $1 and h.attempt = s.attempt
  returning h.*, s.state, s.result),
done as (
  insert into history (${HISTORY}, completed_at, state, result)
  select ${HISTORY}, t.now, state, result from gone, t returning id)
${accepted('done')}`,
  retry: (t) => `
with ${clock(t)},
done as (
  update hot h set phase = 0, worker_id = null, retry_count = h.retry_count + 1, errors = s.error,
    run_at = ${t.later('t.now', 's.delay_ms')}
  from t, ${retries(t)}
  where h.id = s.id and h.worker_id is not distinct from $1 and h.attempt = s.attempt
  returning h.id)
${accepted('done')}`,
};
