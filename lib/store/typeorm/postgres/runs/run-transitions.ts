import type { RunId } from '../../../../id/ids.js';
import type { ErrorRecord } from '../../../../job/job-error.js';
import { decideRetry, hasStepsToUndo } from '../../../../workflow/run-decisions.js';
import type { CancelMode, RunRecord } from '../../../../workflow/run-record.js';
import type { RunEnd } from '../../../../workflow/run-state.js';
import type { CheckpointRecord } from '../../../../workflow/checkpoint.js';
import type { WakeList } from '../../../wake-list.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { toJson, toUuid, uuidArray } from '../rows.js';
import { CLOCK, type Tables } from '../tables.js';
import {
  CHECKPOINT_COLUMNS,
  type CheckpointRow,
  type RunRow,
  runColumns,
  toCheckpoint,
  toRunRecord,
} from './run-rows.js';

/**
 * The steps of rare transitions, each a statement about one run: inside a transaction that has locked it, and its parent if
 * it may end, in the order of ids.
 */
export class PgRunTransitions {
  private readonly lockStatement: Statement;
  private readonly checkpointsStatement: Statement;
  private readonly endStatement: Statement;
  private readonly wakeStatement: Statement;
  private readonly releaseStatement: Statement;
  private readonly requestStatement: Statement;
  private readonly undoStatement: Statement;

  constructor(tables: Tables) {
    const t = tables;
    this.lockStatement = statement(
      'lock_runs',
      `select ${runColumns('l')} from unnest($1::uuid[]) with ordinality as s (id, place)
       cross join lateral (select * from ${t.runs} where id = s.id for update) as l`,
    );
    this.checkpointsStatement = statement(
      'checkpoints_of',
      `select ${CHECKPOINT_COLUMNS} from ${t.checkpoints} c where c.run_id = $1 and ($2::int is null or c.generation = $2)
       order by c.generation, c.seq`,
    );
    this.endStatement = statement(
      'end_run',
      `with ${CLOCK}, gone as (delete from ${t.waits} where run_id = $2)
       update ${t.runs} set state = $3, error = $4, worker_id = null, wake_at = null, suspect = false,
         completed_at = (select now from clock), updated_at = (select now from clock)
       where id = $2`,
    );
    this.wakeStatement = statement(
      'wake_run',
      `with ${CLOCK}
       update ${t.runs} set wake_at = (select now from clock), updated_at = (select now from clock)
       where id = $2 and worker_id is null and completed_at is null
       returning name`,
    );
    // $3 delay  $4 retry count  $5 suspect  $6 error
    this.releaseStatement = statement(
      'release_run',
      `with ${CLOCK}
       update ${t.runs} set state = case state when 'running' then 'waiting' else state end, worker_id = null,
         wake_at = (select now from clock) + case when cancel_requested_at is null then $3::bigint else 0 end,
         retry_count = $4, suspect = $5, error = $6, updated_at = (select now from clock)
       where id = $2`,
    );
    this.requestStatement = statement(
      'request_cancel',
      `with ${CLOCK}
       update ${t.runs} set cancel_requested_at = coalesce(cancel_requested_at, (select now from clock)), cancel_mode = $3,
         updated_at = (select now from clock)
       where id = $2`,
    );
    this.undoStatement = statement(
      'undo_run',
      `update ${t.runs} set state = 'compensating', target = $2, error = coalesce($3, error) where id = $1`,
    );
  }

  /** Locks runs in the order of their ids. @returns those that exist, as they are now */
  async lock(session: PgSession, ids: readonly RunId[]): Promise<readonly RunRecord[]> {
    const rows = await session.rows<RunRow>(this.lockStatement, [uuidArray([...new Set(ids)].sort())]);
    return rows.map(toRunRecord);
  }

  /** @param generation `null` for every one */
  async checkpoints(session: PgSession, id: RunId, generation: number | null): Promise<readonly CheckpointRecord[]> {
    const rows = await session.rows<CheckpointRow>(this.checkpointsStatement, [toUuid(id), generation]);
    return rows.map(toCheckpoint);
  }

  async hasStepsToUndo(session: PgSession, { id, generation }: RunRecord): Promise<boolean> {
    return hasStepsToUndo(await this.checkpoints(session, id, generation));
  }

  /** Ends a run and wakes its parent. */
  async end(
    session: PgSession,
    run: RunRecord,
    state: RunEnd & ('failed' | 'cancelled'),
    error: ErrorRecord | null,
    wakes: WakeList,
  ): Promise<void> {
    await session.count(this.endStatement, [session.now, toUuid(run.id), state, toJson(error)]);
    const parent = awaitingParent(run);
    if (parent === null) return;
    if (!(await this.wake(session, parent, wakes))) wakes.signal(parent);
  }

  /** Makes a run due that nobody holds. @returns false when somebody does, or it has ended */
  async wake(session: PgSession, id: RunId, wakes: WakeList): Promise<boolean> {
    const row = await session.row<[string]>(this.wakeStatement, [session.now, toUuid(id)]);
    if (row) wakes.runs(row[0], 0);
    return row !== undefined;
  }

  /** An activation failed, or lost its worker. */
  async retryActivation(
    session: PgSession,
    run: RunRecord,
    error: ErrorRecord,
    how: { readonly delayMs: number; readonly suspect: boolean; readonly wakes: WakeList },
  ): Promise<void> {
    const { delayMs, suspect, wakes } = how;
    const over = run.retryCount >= run.maxRetries;
    const decision = decideRetry(run, over && (await this.hasStepsToUndo(session, run)));
    const kept = run.state === 'compensating' ? run.error : error;
    if (decision === 'failed' || decision === 'cancelled') return this.end(session, run, decision, kept, wakes);
    if (decision === 'compensating') await this.undo(session, run.id, 'failed', kept);
    const again = decision === 'again';
    const recorded = again && suspect ? run.error : kept;
    const delay = again ? Math.ceil(delayMs) : 0;
    const retryCount = again ? run.retryCount + 1 : 0;
    const values = [session.now, toUuid(run.id), delay, retryCount, suspect, toJson(recorded)];
    await session.count(this.releaseStatement, values);
    wakes.runs(run.name, delay);
  }

  async requestCancel(session: PgSession, id: RunId, mode: CancelMode): Promise<void> {
    await session.count(this.requestStatement, [session.now, toUuid(id), mode]);
  }

  /** Turns a run to undoing its steps. @param error `null` to leave it as it is */
  async undo(session: PgSession, id: RunId, target: 'failed' | 'cancelled', error: ErrorRecord | null): Promise<void> {
    await session.count(this.undoStatement, [toUuid(id), target, toJson(error)]);
  }
}

/** The parent that waits for the end of this run, if one does. */
export function awaitingParent({ parentRunId, parentKey }: RunRecord): RunId | null {
  return parentRunId !== null && parentKey?.startsWith('child:') ? parentRunId : null;
}
