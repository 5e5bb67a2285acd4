import type { JobId, WorkerId } from '../../../../id/ids.js';
import type { Scope } from '../../../../scope/scope.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { toUuid, toWorkerId } from '../rows.js';
import { CLOCK, DONE, LANE, type Tables } from '../tables.js';
import { keyHash } from './unique-keys.js';

/** SQL: the job of parameter `first` if it is of the scope in the two after it, or of any when that is null. */
const mine = (t: Tables, first: number): string =>
  `mine as (select id, name, unique_key, unique_until, scope_app_id, scope_org_id, queue from ${t.jobs}
    where id = $${first} and ($${first + 1}::text is null or (scope_app_id = $${first + 1} and scope_org_id = $${first + 2})))`;

/*
 * A waiting job ends, a running one is marked. Both look at the row under its lock, so a claim at the same time is either
 * before or after. $1 clock  $2 id  $3 app id  $4 org id
 */
const cancelText = (t: Tables): string => `
with ${CLOCK}, ${mine(t, 2)},
held as materialized (select l.* from ${t.live} l where l.id in (select id from mine) for update),
gone as (delete from ${t.live} l using held h where l.id = h.id and not h.running),
ended as (
  insert into ${t.done} (id, run_at, completed_at, started_at, cancel_requested_at, attempt, retry_count, state, progress, errors)
  select id, run_at, (select now from clock), started_at, null, attempt, retry_count, ${DONE.cancelled}, progress, errors
  from held where not running),
freed as (delete from ${t.keys} k using held h where k.job_id = h.id and not h.running),
asked as (
  update ${t.live} l
  set cancel_requested_at = coalesce(l.cancel_requested_at, (select now from clock)), updated_at = (select now from clock)
  from held h where l.id = h.id and h.running)
select running, worker_id from held`;

/*
 * A failed or cancelled job waits again. Its key comes back when no other job has it.
 * $1 clock  $2 id  $3 app id  $4 org id
 */
const retryText = (t: Tables): string => `
with ${CLOCK}, ${mine(t, 2)},
gone as (
  delete from ${t.done} d using mine m
  where d.id = m.id and d.state in (${DONE.failed}, ${DONE.cancelled})
  returning d.id, d.attempt, d.progress, d.errors),
former as (
  update ${t.jobs} f set unique_key = null, unique_until = null
  from ${t.keys} k, mine m join gone g on g.id = m.id
  where m.unique_key is not null and k.hash = ${keyHash('m.scope_app_id', 'm.scope_org_id', 'm.name', 'm.unique_key')}
    and k.until <= (select now from clock) and f.id = k.job_id and f.id <> m.id),
key as (
  insert into ${t.keys} as k (hash, job_id, until)
  select ${keyHash('m.scope_app_id', 'm.scope_org_id', 'm.name', 'm.unique_key')}, m.id, m.unique_until
  from mine m join gone g on g.id = m.id
  where m.unique_key is not null
  on conflict (hash) do update set job_id = excluded.job_id, until = excluded.until
    where k.until <= (select now from clock)
  returning job_id),
keyless as (
  update ${t.jobs} f set unique_key = null, unique_until = null
  from gone g where f.id = g.id and f.unique_key is not null and not exists (select 1 from key)),
live as (
  insert into ${t.live} (id, run_at, updated_at, attempt, rank, lane, keyed, queue, name, progress, errors)
  select g.id, c.now, c.now, g.attempt, -f.priority::integer, ${LANE.ready}, exists (select 1 from key), f.queue, f.name, g.progress, g.errors
  from gone g join ${t.jobs} f on f.id = g.id, clock c),
closed as (
  update ${t.dlq} q set replayed_at = (select now from clock), replay_job_id = g.id
  from gone g where q.job_id = g.id and q.replayed_at is null)
select m.queue from gone g join mine m on m.id = g.id`;

/** Deletes a job that is not running, with all that belongs to it. $1 id  $2 app id  $3 org id */
const discardText = (t: Tables): string => `
with ${mine(t, 1)},
live as (delete from ${t.live} l using mine m where l.id = m.id and not l.running returning l.id),
done as (delete from ${t.done} d using mine m where d.id = m.id returning d.id),
gone as (select id from live union all select id from done),
facts as (delete from ${t.jobs} f using gone g where f.id = g.id),
freed as (delete from ${t.keys} k using gone g where k.job_id = g.id),
dead as (delete from ${t.dlq} q using gone g where q.job_id = g.id),
logs as (delete from ${t.logs} l using gone g where l.job_id = g.id)
select id from gone`;

/** Deletes jobs that ended long ago. $1 clock  $2 state  $3 age  $4 limit */
const pruneText = (t: Tables): string => `
with ${CLOCK},
old as materialized (
  select id from ${t.done}
  where state = $2 and completed_at < (select now from clock) - $3::bigint
  order by completed_at limit $4
  for update skip locked),
done as (delete from ${t.done} d using old where d.id = old.id),
facts as (delete from ${t.jobs} f using old where f.id = old.id),
logs as (delete from ${t.logs} l using old where l.job_id = old.id)
select count(*) from old`;

/** Actions on single jobs from outside, and the end of old ones. */
export class PgSteering {
  private readonly cancelStatement: Statement;
  private readonly retryStatement: Statement;
  private readonly discardStatement: Statement;
  private readonly pruneStatements: Readonly<Record<keyof typeof DONE, Statement>>;

  constructor(tables: Tables) {
    this.cancelStatement = statement('cancel', cancelText(tables));
    this.retryStatement = statement('retry', retryText(tables));
    this.discardStatement = statement('discard', discardText(tables));
    const prune = (state: keyof typeof DONE): Statement =>
      // The state is part of the text, so that the planner can use the index of that state alone.
      statement(
        `prune_${state}`,
        pruneText(tables).replace('$2', String(DONE[state])).replace('$3', '$2').replace('$4', '$3'),
      );
    this.pruneStatements = { completed: prune('completed'), failed: prune('failed'), cancelled: prune('cancelled') };
  }

  /** @returns `null` when the job has no live row: it has ended, or does not exist */
  async cancel(session: PgSession, id: JobId, scope?: Scope): Promise<{ readonly runningOn: WorkerId | null } | null> {
    const row = await session.row<[boolean, string | null]>(this.cancelStatement, [session.now, ...values(id, scope)]);
    return row ? { runningOn: row[0] && row[1] !== null ? toWorkerId(row[1]) : null } : null;
  }

  /** @returns its queue; `undefined` when it has neither failed nor been cancelled, or does not exist */
  async retry(session: PgSession, id: JobId, scope?: Scope): Promise<string | undefined> {
    return (await session.row<[string]>(this.retryStatement, [session.now, ...values(id, scope)]))?.[0];
  }

  /** @returns false when it is running or does not exist */
  async discard(session: PgSession, id: JobId, scope?: Scope): Promise<boolean> {
    return (await session.row(this.discardStatement, values(id, scope))) !== undefined;
  }

  async prune(session: PgSession, state: keyof typeof DONE, olderThanMs: number, limit: number): Promise<number> {
    return (await session.row<[number]>(this.pruneStatements[state], [session.now, olderThanMs, limit]))![0];
  }
}

function values(id: JobId, scope: Scope | undefined): readonly unknown[] {
  return [toUuid(id), scope?.appId ?? null, scope?.orgId ?? null];
}
