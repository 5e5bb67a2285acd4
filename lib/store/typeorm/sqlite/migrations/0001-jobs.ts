import type { Migration } from '../../migrator.js';

/**
 * Jobs, dead letters, workers and log lines. Times are epoch milliseconds; ids are TypeID text.
 *
 * `phase` says which of the waiting indexes holds a job, so that a claim never walks what it may not take:
 * 0 not waiting, 1 ready, 2 deferred, 3 ready but a suspect (its worker died while it ran the job).
 * `key_held` is 1 while the job owns its unique key.
 *
 * The wide columns come last: SQLite reads a row only as far as it needs to.
 */
export const jobsMigration: Migration = {
  name: '0001-jobs',
  statements: [
    `CREATE TABLE IF NOT EXISTS dispatch_jobs (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      state TEXT NOT NULL,
      phase INTEGER NOT NULL,
      suspect INTEGER NOT NULL DEFAULT 0,
      attempt INTEGER NOT NULL DEFAULT 0,
      worker_id TEXT,
      run_at INTEGER NOT NULL,
      retry_count INTEGER NOT NULL DEFAULT 0,
      max_retries INTEGER NOT NULL,
      cancel_requested_at INTEGER,
      started_at INTEGER,
      completed_at INTEGER,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      priority INTEGER NOT NULL,
      timeout_ms INTEGER NOT NULL,
      name TEXT NOT NULL,
      queue TEXT NOT NULL,
      scope_app_id TEXT NOT NULL DEFAULT '',
      scope_org_id TEXT NOT NULL DEFAULT '',
      key_held INTEGER NOT NULL DEFAULT 0,
      unique_key TEXT,
      unique_until INTEGER,
      group_key TEXT,
      cron_id TEXT,
      cron_at INTEGER,
      codec TEXT NOT NULL,
      backoff TEXT,
      headers TEXT,
      payload TEXT,
      progress TEXT,
      errors TEXT NOT NULL DEFAULT '[]',
      result TEXT
    )`,
    // What a claim walks. The name comes before the priority: names that a node lacks cost one seek, not a walk.
    `CREATE INDEX IF NOT EXISTS dispatch_jobs_ready ON dispatch_jobs (queue, name, priority DESC, run_at, id) WHERE phase = 1`,
    `CREATE INDEX IF NOT EXISTS dispatch_jobs_suspect ON dispatch_jobs (queue, name, priority DESC, run_at, id) WHERE phase = 3`,
    `CREATE INDEX IF NOT EXISTS dispatch_jobs_deferred ON dispatch_jobs (queue, name, run_at) WHERE phase = 2`,
    `CREATE INDEX IF NOT EXISTS dispatch_jobs_running ON dispatch_jobs (worker_id, created_at) WHERE state = 'running'`,
    `CREATE INDEX IF NOT EXISTS dispatch_jobs_cancelling ON dispatch_jobs (id)
      WHERE state = 'running' AND cancel_requested_at IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS dispatch_jobs_ended ON dispatch_jobs (state, completed_at) WHERE completed_at IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS dispatch_jobs_created ON dispatch_jobs (created_at, id)`,
    // Lists of waiting, running and failed jobs do not walk the completed ones.
    `CREATE INDEX IF NOT EXISTS dispatch_jobs_open ON dispatch_jobs (created_at, id) WHERE state <> 'completed'`,
    `CREATE UNIQUE INDEX IF NOT EXISTS dispatch_jobs_unique ON dispatch_jobs (unique_key, name, scope_app_id, scope_org_id)
      WHERE key_held = 1`,
    `CREATE TABLE IF NOT EXISTS dispatch_dlq (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      job_id TEXT NOT NULL,
      job_name TEXT NOT NULL,
      queue TEXT NOT NULL,
      priority INTEGER NOT NULL,
      timeout_ms INTEGER NOT NULL,
      retry_count INTEGER NOT NULL,
      max_retries INTEGER NOT NULL,
      scope_app_id TEXT NOT NULL,
      scope_org_id TEXT NOT NULL,
      failed_at INTEGER NOT NULL,
      replayed_at INTEGER,
      replay_job_id TEXT,
      group_key TEXT,
      codec TEXT NOT NULL,
      backoff TEXT,
      headers TEXT,
      payload TEXT,
      errors TEXT NOT NULL
    )`,
    `CREATE INDEX IF NOT EXISTS dispatch_dlq_failed ON dispatch_dlq (failed_at, id)`,
    `CREATE INDEX IF NOT EXISTS dispatch_dlq_job ON dispatch_dlq (job_id)`,
    `CREATE TABLE IF NOT EXISTS dispatch_workers (
      id TEXT PRIMARY KEY NOT NULL,
      state TEXT NOT NULL,
      lease_expires_at INTEGER NOT NULL,
      last_seen INTEGER NOT NULL,
      started_at INTEGER NOT NULL,
      hostname TEXT NOT NULL,
      pid INTEGER NOT NULL,
      version TEXT NOT NULL,
      queues TEXT NOT NULL,
      concurrency INTEGER NOT NULL,
      metadata TEXT NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE IF NOT EXISTS dispatch_job_logs (
      seq INTEGER PRIMARY KEY,
      job_id TEXT NOT NULL,
      attempt INTEGER NOT NULL,
      at INTEGER NOT NULL,
      level TEXT NOT NULL,
      message TEXT NOT NULL
    )`,
    `CREATE INDEX IF NOT EXISTS dispatch_job_logs_job ON dispatch_job_logs (job_id)`,
  ],
};
