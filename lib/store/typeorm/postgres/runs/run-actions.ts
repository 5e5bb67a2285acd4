import { RunNotFoundError } from '../../../../errors.js';
import type { RunId } from '../../../../id/ids.js';
import type { Scope } from '../../../../scope/scope.js';
import type { CancelMode, RunRecord } from '../../../../workflow/run-record.js';
import { decideCancel, planRetry } from '../../../../workflow/run-decisions.js';
import { checkRunAction, noSuchCheckpoint } from '../../../../workflow/run-refusals.js';
import { isRunEnded } from '../../../../workflow/run-state.js';
import type { CancelRunOptions } from '../../../../workflow/workflow-store.js';
import { WakeList } from '../../../wake-list.js';
import type { PgConnection } from '../pg-connection.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { plainArray, toUuid } from '../rows.js';
import { CLOCK, type Tables } from '../tables.js';
import { type RunRow, runColumns, toRunId, toRunRecord } from './run-rows.js';
import { type PgRunTransitions, awaitingParent } from './run-transitions.js';

/** What an action returns, and what is to be told after its commit. */
export interface Acted<T> {
  readonly result: T;
  readonly wakes: WakeList;
}

export interface CancelledRun {
  readonly kind: 'cancelled' | 'compensating' | 'requested';
  readonly run: RunRecord;
}

interface NextGeneration {
  readonly state: 'waiting' | 'compensating';
  readonly keep: readonly number[];
  readonly replays: number;
}

/** Steers runs by hand: each action is a transaction that locks the run first. */
export class PgRunActions {
  private readonly family: Statement;
  private readonly read: Statement;
  private readonly copy: Statement;
  private readonly goOnStatement: Statement;
  private readonly resumeStatement: Statement;
  private readonly migrateStatement: Statement;

  constructor(
    private readonly connection: PgConnection,
    tables: Tables,
    private readonly transitions: PgRunTransitions,
  ) {
    const t = tables;
    this.family = statement(
      'family',
      `with recursive family as (
         select id from ${t.runs} where id = $1
         union select c.id from ${t.runs} c join family f on c.parent_run_id = f.id where c.on_parent_cancel = 'cancel')
       select id from family`,
    );
    this.read = statement('read_run', `select ${runColumns('r')} from ${t.runs} r where r.id = $1`);
    this.copy = statement(
      'copy_checkpoints',
      `insert into ${t.checkpoints} (run_id, generation, seq, after_seq, tries, attempt, started_at, completed_at, event_id, failed,
         undoable, key, error, value)
       select run_id, generation + 1, seq, after_seq, tries, attempt, started_at, completed_at, event_id, failed, undoable, key, error, value
       from ${t.checkpoints} where run_id = $1 and generation = $2 and seq = any ($3::int[])`,
    );
    this.goOnStatement = statement(
      'go_on',
      `with ${CLOCK}, gone as (delete from ${t.waits} where run_id = $2)
       update ${t.runs} set state = $3, error = case when $3 = 'waiting' then null else error end,
         target = case when $3 = 'waiting' then null else target end, generation = generation + 1, replays = replays + $4::int,
         output = null, completed_at = null, retry_count = 0, suspect = false, cancel_requested_at = null, cancel_mode = null,
         deadline_at = null, wake_at = (select now from clock), updated_at = (select now from clock)
       where id = $2`,
    );
    this.resumeStatement = statement(
      'resume_run',
      `with ${CLOCK}
       update ${t.runs} set error = case when state = 'compensating' then error end, wake_at = (select now from clock),
         updated_at = (select now from clock)
       where id = $2`,
    );
    this.migrateStatement = statement(
      'migrate_run',
      `with ${CLOCK} update ${t.runs} set version = $3, updated_at = (select now from clock) where id = $2`,
    );
  }

  cancel(id: RunId, { mode, scope }: CancelRunOptions): Promise<Acted<CancelledRun>> {
    return this.connection.transaction(async (session) => {
      const wakes = new WakeList();
      const rows = await session.rows<[string]>(this.family, [toUuid(id)]);
      const family = rows.map(([uuid]) => toRunId(uuid));
      const before = await session.row<RunRow>(this.read, [toUuid(id)]);
      const parent = before && awaitingParent(toRunRecord(before));
      const locked = await this.transitions.lock(session, parent ? [...family, parent] : family);
      const run = locked.find((each) => each.id === id);
      if (!run || !isOf(scope, run)) throw new RunNotFoundError(id);
      checkRunAction('cancel', run);
      // The oldest first, so that the end of a child finds its parent ended.
      const kind = await this.cancelOne(session, run, mode, wakes);
      for (const child of locked) {
        if (child.id !== id && child.id !== parent && !isRunEnded(child.state))
          await this.cancelOne(session, child, mode, wakes);
      }
      return { result: { kind, run: await this.get(session, id) }, wakes };
    });
  }

  private async cancelOne(
    session: PgSession,
    run: RunRecord,
    mode: CancelMode,
    wakes: WakeList,
  ): Promise<CancelledRun['kind']> {
    const kind = decideCancel(run, mode, await this.transitions.hasStepsToUndo(session, run));
    await this.transitions.requestCancel(session, run.id, mode);
    if (kind === 'requested') wakes.cancelRun(run.id, run.workerId!);
    else if (kind === 'cancelled') await this.transitions.end(session, run, 'cancelled', run.error, wakes);
    else {
      await this.transitions.undo(session, run.id, 'cancelled', null);
      await this.transitions.wake(session, run.id, wakes);
    }
    return kind;
  }

  retry(id: RunId, scope?: Scope): Promise<Acted<RunRecord>> {
    return this.act(id, scope, 'retry', async (session, run) => {
      const { state, keep } = planRetry(await this.transitions.checkpoints(session, id, run.generation));
      await this.goOn(session, run, { state, keep: keep.map(({ seq }) => seq), replays: 0 });
    });
  }

  replay(id: RunId, key: string, scope?: Scope): Promise<Acted<RunRecord>> {
    return this.act(id, scope, 'replay', async (session, run) => {
      const checkpoints = await this.transitions.checkpoints(session, id, run.generation);
      const from = checkpoints.find((checkpoint) => checkpoint.key === key);
      if (!from) throw noSuchCheckpoint(id, key, run.state);
      const keep = checkpoints.map(({ seq }) => seq).filter((seq) => seq < from.seq);
      await this.goOn(session, run, { state: 'waiting', keep, replays: 1 });
    });
  }

  resume(id: RunId, scope?: Scope): Promise<Acted<RunRecord>> {
    return this.act(id, scope, 'resume', async (session) => {
      await session.count(this.resumeStatement, [session.now, toUuid(id)]);
    });
  }

  migrate(id: RunId, version: number, scope?: Scope): Promise<Acted<RunRecord>> {
    return this.act(id, scope, 'migrate', async (session) => {
      await session.count(this.migrateStatement, [session.now, toUuid(id), version]);
    });
  }

  private async goOn(session: PgSession, run: RunRecord, { state, keep, replays }: NextGeneration): Promise<void> {
    const id = toUuid(run.id);
    await session.count(this.copy, [id, run.generation, plainArray(keep)]);
    await session.count(this.goOnStatement, [session.now, id, state, replays]);
  }

  private act(
    id: RunId,
    scope: Scope | undefined,
    action: Parameters<typeof checkRunAction>[0],
    work: (session: PgSession, run: RunRecord) => Promise<void>,
  ): Promise<Acted<RunRecord>> {
    return this.connection.transaction(async (session) => {
      const [before] = await this.transitions.lock(session, [id]);
      if (!before || !isOf(scope, before)) throw new RunNotFoundError(id);
      checkRunAction(action, before);
      await work(session, before);
      const run = await this.get(session, id);
      const wakes = new WakeList();
      if (run.wakeAt !== null) wakes.runs(run.name, run.wakeAt - run.updatedAt);
      return { result: run, wakes };
    });
  }

  private async get(session: PgSession, id: RunId): Promise<RunRecord> {
    return toRunRecord((await session.row<RunRow>(this.read, [toUuid(id)]))!);
  }
}

function isOf(scope: Scope | undefined, run: RunRecord): boolean {
  return !scope || (run.scopeAppId === scope.appId && run.scopeOrgId === scope.orgId);
}
