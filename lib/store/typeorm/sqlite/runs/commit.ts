import type { RunId, WorkerId } from '../../../../id/ids.js';
import type { NewCheckpoint } from '../../../../workflow/checkpoint.js';
import type { CommitRunsResult, RunCommit } from '../../../../workflow/run-commit.js';
import type { NewWait, OpenWaits } from '../../../../workflow/wait.js';
import { toJson } from '../rows.js';
import type { Tx } from '../session.js';
import { heldRun, openWaits } from './history.js';
import { insertChild } from './insert.js';
import { moveRun, wakeRun } from './move.js';
import type { RunRow } from './rows.js';

const INSERT_CHECKPOINT = `
  INSERT INTO dispatch_checkpoints (
    run_id, generation, seq, after_seq, failed, undoable, tries, attempt, started_at, completed_at, event_id, key, error, value)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (run_id, generation, seq) DO NOTHING`;

const END_WAIT = 'DELETE FROM dispatch_waits WHERE run_id = ? AND key = ?';

const OTHER_WAITS = 'DELETE FROM dispatch_waits WHERE run_id = ? AND key NOT IN (SELECT value FROM json_each(?))';

// One that is there keeps its time, unless it is for another try.
const PUT_WAIT = `
  INSERT INTO dispatch_waits (
    run_id, key, part, kind, due_at, since_at, event_name, event_key, child_run_id, tries, error, rejected)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (run_id, key, part) DO UPDATE SET
    rejected = excluded.rejected,
    due_at = CASE WHEN tries = excluded.tries THEN due_at ELSE excluded.due_at END,
    error = CASE WHEN tries = excluded.tries THEN error ELSE excluded.error END,
    tries = excluded.tries`;

const SET_STATUS = 'UPDATE dispatch_runs SET status = ?, updated_at = ? WHERE seq = ?';

const PROGRESS = 'UPDATE dispatch_runs SET retry_count = 0, suspect = 0, updated_at = ? WHERE seq = ?';

/** Writes what activations have to write, each under its fence, and looks at those that parked in the end. */
export function commitRuns(tx: Tx, workerId: WorkerId, commits: readonly RunCommit[]): CommitRunsResult {
  const lost: RunId[] = [];
  const open = new Map<RunId, OpenWaits>();
  const written: [RunRow, RunCommit][] = [];
  for (const commit of commits) {
    const run = heldRun(tx, workerId, { id: commit.runId, attempt: commit.attempt });
    if (!run) lost.push(commit.runId);
    else {
      write(tx, run, commit);
      written.push([run, commit]);
    }
  }
  for (const [run, { look, next }] of written) {
    if (next?.kind === 'parked') {
      const { events, children } = openWaits(tx, run.id);
      if (events.length > 0 || children.length > 0) wakeRun(tx, run, tx.now);
    } else if (look && next === null) open.set(run.id, openWaits(tx, run.id));
  }
  return { lost, open };
}

function write(tx: Tx, run: RunRow, { checkpoints, waits, children, status, next }: RunCommit): void {
  for (const checkpoint of checkpoints) {
    tx.sql(INSERT_CHECKPOINT).run(...checkpointValues(run, checkpoint, tx.now));
    tx.sql(END_WAIT).run(run.id, checkpoint.key);
  }
  const over = new Set(checkpoints.map(({ key }) => key));
  for (const wait of waits) if (!over.has(wait.key)) tx.sql(PUT_WAIT).run(...waitValues(run, wait, tx.now));
  for (const child of children) insertChild(tx, child);
  if (status !== undefined) tx.sql(SET_STATUS).run(status, tx.now, run.seq);
  if (next?.kind === 'parked') tx.sql(OTHER_WAITS).run(run.id, JSON.stringify(next.open));
  let current = run;
  if ((run.retry_count > 0 || run.suspect === 1) && (checkpoints.length > 0 || next?.kind === 'parked')) {
    tx.sql(PROGRESS).run(tx.now, run.seq);
    current = { ...run, retry_count: 0, suspect: 0 };
  }
  if (next) moveRun(tx, current, next);
}

function checkpointValues(run: RunRow, checkpoint: NewCheckpoint, now: number): readonly unknown[] {
  return [
    run.id,
    run.generation,
    checkpoint.seq,
    checkpoint.afterSeq,
    checkpoint.status === 'failed' ? 1 : 0,
    checkpoint.undoable ? 1 : 0,
    checkpoint.tries,
    run.attempt,
    now - Math.round(checkpoint.elapsedMs),
    now,
    checkpoint.eventId,
    checkpoint.key,
    toJson(checkpoint.error),
    checkpoint.value,
  ];
}

function waitValues(run: RunRow, wait: NewWait, now: number): readonly unknown[] {
  const { due } = wait;
  return [
    run.id,
    wait.key,
    wait.part,
    wait.kind,
    due === null ? null : 'at' in due ? due.at : now + Math.ceil(due.inMs),
    run.created_at - wait.lookbackMs,
    wait.eventName,
    wait.eventKey,
    wait.childRunId,
    wait.tries,
    toJson(wait.error),
    JSON.stringify(wait.rejected),
  ];
}
