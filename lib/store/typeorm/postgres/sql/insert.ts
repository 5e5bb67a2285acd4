import type { JobId } from '../../../../id/ids.js';
import type { NewJob } from '../../../../job/job-record.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { plainArray, toJobId, uuidArray } from '../rows.js';
import { CLOCK, LANE, type Tables, channelOf } from '../tables.js';
import { COLUMN_COUNT, type InsertShape, newRows, shapeKey, toColumns } from './insert-columns.js';

/** Rows of one statement. Larger ones gain nothing, and hold their parameters in memory twice. */
export const CHUNK = 1_000;

/*
 * Jobs of one call are mostly alike: what they have in common goes to the server once, not once a job in an array that it
 * has to take apart again.
 * $1 clock, then the columns in their order, each a value for all jobs or an array, then texts that other processes are told
 */
const insertText = (t: Tables, shape: InsertShape, tells: boolean): string => `
with ${CLOCK},
new as materialized (
  select s.*, coalesce(s.run_at, c.now + s.delay) as due
  from clock c, lateral (${newRows(shape)}) as s),
facts as (
  insert into ${t.jobs} (id, created_at, timeout_ms, cron_at, cron_id, priority, max_retries, name, queue, codec,
    scope_app_id, scope_org_id, payload, backoff, unique_key, unique_until, group_key, headers)
  select id, (select now from clock), timeout_ms, cron_at, cron_id, priority, max_retries, name, queue, codec,
    scope_app_id, scope_org_id, payload, backoff, unique_key, (select now from clock) + lasts, group_key, headers
  from new),
live as (
  insert into ${t.live} (id, run_at, updated_at, rank, lane, keyed, queue, name)
  select id, due, (select now from clock), -priority::integer,
    case when due > (select now from clock) then ${LANE.deferred} else ${LANE.ready} end, unique_key is not null, queue, name
  from new)
select now${tells ? `, (select count(pg_notify('${channelOf(t.name)}', text)) from unnest($${COLUMN_COUNT + 2}::text[]) as text)` : ''} from clock`;

/*
 * Which of these ids are there already. Asked by inserting them: an insert that is still under way, whose answer was lost,
 * is waited for. What was inserted is deleted again (`forget`), in the same transaction. $1 ids
 */
const reserveText = (t: Tables): string => `
insert into ${t.jobs} (id, created_at, timeout_ms, priority, max_retries, name, queue, codec)
select id, 0, 0, 0, 0, '', '', '' from unnest($1::uuid[]) as s (id) order by id
on conflict (id) do nothing
returning id`;

/** Inserts jobs, without a look at their unique keys. */
export class PgInserts {
  private readonly insertStatements = new Map<string, Statement>();
  private readonly reserveStatement: Statement;
  private readonly forgetStatement: Statement;

  constructor(private readonly tables: Tables) {
    this.reserveStatement = statement('reserve', reserveText(tables));
    this.forgetStatement = statement('forget', `delete from ${tables.jobs} where id = any ($1::uuid[])`);
  }

  /** Inserts in one statement. @param texts sent to other processes with the commit @returns the clock of the statement */
  async insertAndTell(session: PgSession, jobs: readonly NewJob[], texts: readonly string[]): Promise<number> {
    const { shape, values } = toColumns(jobs);
    const row = await session.row<[number]>(this.insertOf(shape, true), [session.now, ...values, texts]);
    return row![0];
  }

  /** @returns the clock of the first statement, or `undefined` without jobs */
  async insert(session: PgSession, jobs: readonly NewJob[]): Promise<number | undefined> {
    let first: number | undefined;
    let sent: Promise<[number] | undefined> | undefined;
    for (let start = 0; start < jobs.length; start += CHUNK) {
      // While the server writes one chunk, the next is put together.
      const { shape, values } = toColumns(jobs.length <= CHUNK ? jobs : jobs.slice(start, start + CHUNK));
      first ??= (await sent)?.[0];
      await sent;
      // Rows of one call share their time, so that lists page through them in the order of their ids.
      sent = session.row<[number]>(this.insertOf(shape), [session.now ?? first ?? null, ...values]);
    }
    // Awaited in any case: the last chunk decides too whether all of them are there.
    const last = await sent;
    return first ?? last?.[0];
  }

  private insertOf(shape: InsertShape, tells = false): Statement {
    const key = `${shapeKey(shape)}${tells ? ' tells' : ''}`;
    let known = this.insertStatements.get(key);
    if (!known) {
      const text = insertText(this.tables, shape, tells);
      this.insertStatements.set(key, (known = statement(tells ? 'insert_tell' : 'insert', text)));
    }
    return known;
  }

  /** Which of these jobs an earlier call, whose answer was lost, has inserted. Only in a transaction. */
  async existing(session: PgSession, jobs: readonly NewJob[]): Promise<ReadonlySet<JobId>> {
    const missing = await session.rows<[string]>(this.reserveStatement, [uuidArray(jobs.map(({ id }) => id))]);
    await session.count(this.forgetStatement, [plainArray(missing.map(([uuid]) => uuid))]);
    const absent = new Set(missing.map(([uuid]) => toJobId(uuid)));
    return new Set(jobs.map(({ id }) => id).filter((id) => !absent.has(id)));
  }
}
