import type { Migration } from '../../migrator.js';
import type { Tables } from '../tables.js';

/*
 * A run is one row: held while it has a worker, due by time while it has none and `wake_at` is set. What is wide in it
 * (input, output) is written once or lies outside the row. Checkpoints are only ever inserted.
 */
export const workflows = (t: Tables): Migration => ({
  name: '0002-workflows',
  statements: [
    `create table ${t.runs} (
      id uuid primary key,
      created_at bigint not null,
      updated_at bigint not null,
      wake_at bigint,
      deadline_at bigint,
      started_at bigint,
      completed_at bigint,
      cancel_requested_at bigint,
      timeout_ms bigint not null,
      worker_id uuid,
      parent_run_id uuid,
      idempotency_hash uuid,
      attempt integer not null default 0,
      generation integer not null default 1,
      replays integer not null default 0,
      version integer not null,
      retry_count smallint not null default 0,
      max_retries smallint not null,
      suspect boolean not null default false,
      state text not null collate "C",
      name text not null collate "C",
      codec text not null,
      scope_app_id text not null default '',
      scope_org_id text not null default '',
      parent_key text collate "C",
      on_parent_cancel text not null,
      cancel_mode text,
      target text,
      idempotency_key text,
      headers text,
      input text,
      output text,
      error text,
      status text
    ) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0)`,
    `create index dispatch_runs_due on ${t.runs} (name, version, suspect, wake_at, id) where worker_id is null and wake_at is not null`,
    `create index dispatch_runs_held on ${t.runs} (worker_id) where worker_id is not null`,
    `create index dispatch_runs_created on ${t.runs} (created_at, id)`,
    `create index dispatch_runs_scope on ${t.runs} (scope_app_id, scope_org_id, created_at, id)
      where scope_app_id <> '' or scope_org_id <> ''`,
    `create index dispatch_runs_ended on ${t.runs} (state, completed_at) where completed_at is not null`,
    `create unique index dispatch_runs_children on ${t.runs} (parent_run_id, parent_key) where parent_run_id is not null`,
    // By a hash: scope, name and key together may be longer than an index takes.
    `create unique index dispatch_runs_idempotent on ${t.runs} (idempotency_hash) where idempotency_hash is not null`,

    `create table ${t.checkpoints} (
      run_id uuid not null,
      generation integer not null,
      seq integer not null,
      after_seq integer not null,
      tries integer not null,
      attempt integer not null,
      started_at bigint not null,
      completed_at bigint not null,
      event_id uuid,
      failed boolean not null,
      undoable boolean not null,
      key text not null,
      error text,
      value text,
      primary key (run_id, generation, seq)
    )`,
    `create unique index dispatch_checkpoints_event on ${t.checkpoints} (run_id, generation, event_id) where event_id is not null`,

    `create table ${t.waits} (
      run_id uuid not null,
      part integer not null,
      tries integer not null,
      due_at bigint,
      since_at bigint not null,
      child_run_id uuid,
      rejected uuid[] not null default '{}',
      kind text not null,
      key text not null collate "C",
      event_name text collate "C",
      event_key text collate "C",
      error text,
      primary key (run_id, key, part)
    ) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0)`,
    `create index dispatch_waits_event on ${t.waits} (event_name, event_key) where event_name is not null`,

    `create table ${t.events} (
      id uuid primary key,
      created_at bigint not null,
      expires_at bigint not null,
      run_id uuid,
      matched boolean not null default false,
      name text not null collate "C",
      key text collate "C",
      codec text not null,
      scope_app_id text not null default '',
      scope_org_id text not null default '',
      payload text
    )`,
    `create index dispatch_events_name on ${t.events} (name, created_at, id)`,
    `create index dispatch_events_key on ${t.events} (name, key, created_at, id) where key is not null`,
    `create index dispatch_events_created on ${t.events} (created_at, id)`,
    `create index dispatch_events_expires on ${t.events} (expires_at)`,
    // Those whose publisher has not looked for who waits for them yet: none but for moments.
    `create index dispatch_events_new on ${t.events} (created_at) where not matched`,
  ],
});
