/*
 * Pieces of SQL that every layout shares, so that a difference between two layouts is the layout's.
 *
 * Parameters are the same everywhere:
 *   insert  $1 ids, $2 names, $3 queues, $4 payloads, $5 priorities, $6 max_retries, $7 timeouts, $8 apps,
 *           $9 orgs, $10 run_ats (null: now)
 *   claim   $1 worker, $2 limit, $3 queue, $4 names
 *   settle  $1 worker, $2 ids, $3 attempts, $4 states, $5 results, ($6 handles)
 *   retry   $1 worker, $2 ids, $3 attempts, $4 delays in ms, $5 errors, ($6 handles)
 */

/** States of a job; those below RUNNING are claimable. */
export const PENDING = 0;
export const RETRYING = 1;
export const RUNNING = 2;
export const COMPLETED = 3;

/** The producer's part of a row. */
export const factColumns = (t) => `
  id ${t.id} not null,
  created_at ${t.time} not null,
  timeout_ms integer not null,
  priority smallint not null,
  max_retries smallint not null,
  name text not null,
  queue text not null,
  scope_app_id text not null default '',
  scope_org_id text not null default '',
  payload text`;

export const FACT_NAMES =
  'id, created_at, timeout_ms, priority, max_retries, name, queue, scope_app_id, scope_org_id, payload';

/** What a claim returns of the facts, in this order; then run_at, attempt, retry_count, started_at, handle. */
export const factsOf = (alias) =>
  [
    'id',
    'name',
    'queue',
    'payload',
    'priority',
    'max_retries',
    'timeout_ms',
    'scope_app_id',
    'scope_org_id',
    'created_at',
  ]
    .map((column) => `${alias}.${column}`)
    .join(', ');

/** Input rows of an insert: arrays side by side, or with `t.one` a single row of plain parameters. */
export const inputRows = (t) =>
  t.one
    ? `
  (select $1::${t.id} as id, $2::text as name, $3::text as queue, $4::text as payload, $5::smallint as priority,
          $6::smallint as max_retries, $7::integer as timeout_ms, $8::text as scope_app_id, $9::text as scope_org_id,
          $10::${t.time} as run_at) i`
    : `
  unnest($1::${t.idArray}, $2::text[], $3::text[], $4::text[], $5::smallint[], $6::smallint[], $7::integer[],
         $8::text[], $9::text[], $10::${t.timeArray})
    as i (id, name, queue, payload, priority, max_retries, timeout_ms, scope_app_id, scope_org_id, run_at)`;

export const clock = (t) => `t as materialized (select ${t.now} as now)`;

export const factValues =
  'i.id, t.now, i.timeout_ms, i.priority, i.max_retries, i.name, i.queue, i.scope_app_id, i.scope_org_id, i.payload';

/** The facts table of the layouts that split a job, with lookup by id and list by (created_at, id). */
export const factsTable = (t) => [
  `create table facts (${factColumns(t)}, primary key (id))`,
  'create index facts_list on facts (created_at, id)',
];

/** How an attempt ended: insert-only history. */
export const outcomesTable = (t) => [
  `create table outcomes (
    id ${t.id} primary key,
    run_at ${t.time} not null,
    started_at ${t.time} not null,
    completed_at ${t.time} not null,
    worker_id ${t.id} not null,
    attempt integer not null,
    retry_count smallint not null,
    state smallint not null,
    result text,
    errors text)`,
];

export const OUTCOME_NAMES =
  'id, run_at, started_at, completed_at, worker_id, attempt, retry_count, state, result, errors';

/** Settlements as rows. */
export const settlements = (t) => `
  unnest($2::${t.idArray}, $3::integer[], $4::smallint[], $5::text[]) as s (id, attempt, state, result)`;

/** Retries as rows. */
export const retries = (t) => `
  unnest($2::${t.idArray}, $3::integer[], $4::bigint[], $5::text[]) as s (id, attempt, delay_ms, error)`;

/** Null when every row was accepted, else the accepted ids. */
export const accepted = (from) =>
  `select case when count(*) = cardinality($2) then null else array_agg(id) end from ${from}`;

/** A join that can only be an index lookup per row: the planner knows nothing of the size of a CTE. */
export const withFacts = (claimed, extra = '') => `
select ${factsOf('f')}, ${claimed}.run_at, ${claimed}.attempt, ${claimed}.retry_count, ${claimed}.started_at${extra}
from ${claimed} cross join lateral (select * from facts where facts.id = ${claimed}.id offset 0) f`;
