import type { Migration } from '../../migrator.js';
import { DONE, LANE, type Tables } from '../tables.js';

/*
 * Three tables a job (docs/decisions/0001-storage-layout.md): facts that never change, one thin row while it lives, one
 * row for how it ended. So a claim and a settlement rewrite a few dozen bytes, whatever the payload.
 */
export const jobs = (t: Tables): Migration => ({
  name: '0001-jobs',
  statements: [
    `create table ${t.jobs} (
      id uuid primary key,
      created_at bigint not null,
      timeout_ms bigint not null,
      cron_at bigint,
      cron_id uuid,
      priority smallint not null,
      max_retries smallint not null,
      name text not null,
      queue text not null,
      codec text not null,
      scope_app_id text not null default '',
      scope_org_id text not null default '',
      payload text,
      backoff text,
      unique_key text,
      unique_until bigint,
      group_key text,
      headers text
    )`,
    `create index dispatch_jobs_created on ${t.jobs} (created_at, id)`,
    `create index dispatch_jobs_scope on ${t.jobs} (scope_app_id, scope_org_id, created_at, id)
      where scope_app_id <> '' or scope_org_id <> ''`,

    // Its rows change and go all the time. Half a page is left free for the version that a claim writes (server cpu of a drain: 9.4 us a job, 14.2 at 60), and dead
    // rows are cleared away often, as claims walk past them.
    `create table ${t.live} (
      id uuid primary key,
      run_at bigint not null,
      updated_at bigint not null,
      started_at bigint,
      cancel_requested_at bigint,
      worker_id uuid,
      attempt integer not null default 0,
      retry_count smallint not null default 0,
      rank integer not null,
      lane smallint not null,
      running boolean not null default false,
      retrying boolean not null default false,
      suspect boolean not null default false,
      keyed boolean not null default false,
      queue text not null collate "C",
      name text not null collate "C",
      progress text,
      errors text[]
    ) with (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0)`,
    `create index dispatch_jobs_live_ready on ${t.live} (queue, rank, run_at, id, name) where lane = ${LANE.ready}`,
    `create index dispatch_jobs_live_suspect on ${t.live} (queue, rank, run_at, id, name) where lane = ${LANE.suspect}`,
    `create index dispatch_jobs_live_deferred on ${t.live} (queue, name, run_at) where lane = ${LANE.deferred}`,
    // No index has the worker: a claim would have to write it. Jobs of a dead worker are found along the lanes, as running ones are in none but these.
    `create index dispatch_jobs_live_cancel on ${t.live} (id) where cancel_requested_at is not null`,

    `create table ${t.done} (
      id uuid primary key,
      run_at bigint not null,
      completed_at bigint not null,
      started_at bigint,
      cancel_requested_at bigint,
      attempt integer not null,
      retry_count smallint not null,
      state smallint not null,
      result text,
      progress text,
      errors text[]
    )`,
    `create index dispatch_jobs_done_completed on ${t.done} (completed_at) where state = ${DONE.completed}`,
    `create index dispatch_jobs_done_other on ${t.done} (state, completed_at) where state <> ${DONE.completed}`,

    // Keyed by a hash: scope, name and key together may be longer than an index takes.
    `create table ${t.keys} (
      hash uuid primary key,
      job_id uuid not null,
      until bigint
    )`,
    `create index dispatch_unique_keys_job on ${t.keys} (job_id)`,

    `create table ${t.dlq} (
      id uuid primary key,
      job_id uuid not null,
      failed_at bigint not null,
      replayed_at bigint,
      replay_job_id uuid,
      timeout_ms bigint not null,
      priority smallint not null,
      retry_count smallint not null,
      max_retries smallint not null,
      job_name text not null,
      queue text not null,
      codec text not null,
      scope_app_id text not null default '',
      scope_org_id text not null default '',
      payload text,
      backoff text,
      group_key text,
      headers text,
      errors text[]
    )`,
    `create index dispatch_dlq_failed on ${t.dlq} (failed_at, id)`,
    `create index dispatch_dlq_job on ${t.dlq} (job_id)`,

    `create table ${t.workers} (
      id uuid primary key,
      lease_expires_at bigint not null,
      last_seen bigint not null,
      started_at bigint not null,
      pid integer not null,
      concurrency integer not null,
      gone boolean not null default false,
      buried boolean not null default false,
      state text not null,
      hostname text not null,
      version text not null,
      queues text not null,
      metadata text not null
    )`,

    `create table ${t.logs} (
      job_id uuid not null,
      seq bigint generated always as identity,
      at bigint not null,
      attempt integer not null,
      level text not null,
      message text not null,
      primary key (job_id, seq)
    )`,
  ],
});
