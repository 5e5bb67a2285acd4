import type { Migration } from '../../migrator.js';

/**
 * Runs, their checkpoints and waits, and events. Times are epoch milliseconds; ids are TypeID text. A run is held while it
 * has a worker, and due by time while it has none and `wake_at` is set.
 */
export const workflowsMigration: Migration = {
  name: '0002-workflows',
  statements: [
    `CREATE TABLE IF NOT EXISTS dispatch_runs (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      state TEXT NOT NULL,
      worker_id TEXT,
      wake_at INTEGER,
      attempt INTEGER NOT NULL DEFAULT 0,
      generation INTEGER NOT NULL DEFAULT 1,
      replays INTEGER NOT NULL DEFAULT 0,
      retry_count INTEGER NOT NULL DEFAULT 0,
      max_retries INTEGER NOT NULL,
      suspect INTEGER NOT NULL DEFAULT 0,
      version INTEGER NOT NULL,
      timeout_ms INTEGER NOT NULL,
      deadline_at INTEGER,
      cancel_requested_at INTEGER,
      cancel_mode TEXT,
      target TEXT,
      started_at INTEGER,
      completed_at INTEGER,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      name TEXT NOT NULL,
      codec TEXT NOT NULL,
      scope_app_id TEXT NOT NULL DEFAULT '',
      scope_org_id TEXT NOT NULL DEFAULT '',
      parent_run_id TEXT,
      parent_key TEXT,
      on_parent_cancel TEXT NOT NULL,
      idempotency_key TEXT,
      headers TEXT,
      input TEXT,
      output TEXT,
      error TEXT,
      status TEXT
    )`,
    `CREATE INDEX IF NOT EXISTS dispatch_runs_due ON dispatch_runs (name, version, suspect, wake_at, id)
      WHERE worker_id IS NULL AND wake_at IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS dispatch_runs_held ON dispatch_runs (worker_id) WHERE worker_id IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS dispatch_runs_cancelling ON dispatch_runs (id)
      WHERE worker_id IS NOT NULL AND cancel_requested_at IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS dispatch_runs_created ON dispatch_runs (created_at, id)`,
    `CREATE INDEX IF NOT EXISTS dispatch_runs_ended ON dispatch_runs (state, completed_at) WHERE completed_at IS NOT NULL`,
    `CREATE UNIQUE INDEX IF NOT EXISTS dispatch_runs_children ON dispatch_runs (parent_run_id, parent_key)
      WHERE parent_run_id IS NOT NULL`,
    `CREATE UNIQUE INDEX IF NOT EXISTS dispatch_runs_idempotent ON dispatch_runs (idempotency_key, name, scope_app_id, scope_org_id)
      WHERE idempotency_key IS NOT NULL`,
    `CREATE TABLE IF NOT EXISTS dispatch_checkpoints (
      run_id TEXT NOT NULL,
      generation INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      after_seq INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      undoable INTEGER NOT NULL,
      tries INTEGER NOT NULL,
      attempt INTEGER NOT NULL,
      started_at INTEGER NOT NULL,
      completed_at INTEGER NOT NULL,
      event_id TEXT,
      key TEXT NOT NULL,
      error TEXT,
      value TEXT,
      PRIMARY KEY (run_id, generation, seq)
    ) WITHOUT ROWID`,
    `CREATE UNIQUE INDEX IF NOT EXISTS dispatch_checkpoints_event ON dispatch_checkpoints (run_id, generation, event_id)
      WHERE event_id IS NOT NULL`,
    `CREATE TABLE IF NOT EXISTS dispatch_waits (
      run_id TEXT NOT NULL,
      key TEXT NOT NULL,
      part INTEGER NOT NULL,
      kind TEXT NOT NULL,
      due_at INTEGER,
      since_at INTEGER NOT NULL,
      event_name TEXT,
      event_key TEXT,
      child_run_id TEXT,
      tries INTEGER NOT NULL,
      error TEXT,
      rejected TEXT NOT NULL DEFAULT '[]',
      PRIMARY KEY (run_id, key, part)
    ) WITHOUT ROWID`,
    `CREATE INDEX IF NOT EXISTS dispatch_waits_event ON dispatch_waits (event_name, event_key, run_id) WHERE event_name IS NOT NULL`,
    `CREATE TABLE IF NOT EXISTS dispatch_events (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      name TEXT NOT NULL,
      key TEXT,
      run_id TEXT,
      codec TEXT NOT NULL,
      scope_app_id TEXT NOT NULL DEFAULT '',
      scope_org_id TEXT NOT NULL DEFAULT '',
      payload TEXT
    )`,
    `CREATE INDEX IF NOT EXISTS dispatch_events_name ON dispatch_events (name, key, created_at)`,
    `CREATE INDEX IF NOT EXISTS dispatch_events_created ON dispatch_events (created_at, id)`,
    `CREATE INDEX IF NOT EXISTS dispatch_events_expires ON dispatch_events (expires_at)`,
  ],
};
