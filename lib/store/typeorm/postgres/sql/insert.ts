import type { JobId } from '../../../../id/ids.js';
import type { NewJob } from '../../../../job/job-record.js';
import type { HandOff } from '../../../../job/job-store.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { plainArray, toJobId, toUuid, uuidArray } from '../rows.js';
import { CLOCK, LANE, type Tables, channelOf } from '../tables.js';
import { COLUMN_COUNT, type InsertShape, newRows, shapeKey, toColumns } from './insert-columns.js';

/** Rows of one statement. Larger ones gain nothing, and hold their parameters in memory twice. */
export const CHUNK = 1_000;

/*
 * Jobs of one call are mostly alike: what they have in common goes to the server once, not once a job in an array that it
 * has to take apart again.
 * $1 clock, then the columns in their order, each a value for all jobs or an array, then what the extra part takes
 */
const insertText = (t: Tables, shape: InsertShape, { starts, live, answer }: Extra): string => `
with ${CLOCK},
new as materialized (
  select s.*, coalesce(s.run_at, c.now + s.delay) as due${starts(t)}
  from clock c, lateral (${newRows(shape)}) as s),
facts as (
  insert into ${t.jobs} (id, created_at, timeout_ms, cron_at, cron_id, priority, max_retries, name, queue, codec,
    scope_app_id, scope_org_id, payload, backoff, unique_key, unique_until, group_key, headers)
  select id, (select now from clock), timeout_ms, cron_at, cron_id, priority, max_retries, name, queue, codec,
    scope_app_id, scope_org_id, payload, backoff, unique_key, (select now from clock) + lasts, group_key, headers
  from new),
live as (
  insert into ${t.live} (id, run_at, updated_at, rank, lane, keyed, queue, name${live.columns})
  select id, due, (select now from clock), -priority::integer,
    case when due > (select now from clock) then ${LANE.deferred} else ${LANE.ready} end, unique_key is not null, queue, name${live.values}
  from new)
${answer(t)}`;

/** The parameters after the columns. */
const [FIRST, SECOND] = [`$${COLUMN_COUNT + 2}`, `$${COLUMN_COUNT + 3}`];

/** What an insert does beside inserting. */
interface Extra {
  readonly label: string;
  readonly starts: (t: Tables) => string;
  readonly live: { readonly columns: string; readonly values: string };
  readonly answer: (t: Tables) => string;
}

const PLAIN: Extra = {
  label: 'insert',
  starts: () => '',
  live: { columns: '', values: '' },
  answer: () => 'select now from clock',
};

/** Tells other processes with the same commit. Parameter: the texts */
const TELLS: Extra = {
  ...PLAIN,
  label: 'insert_tell',
  answer: (t) =>
    `select now, (select count(pg_notify('${channelOf(t.name)}', text)) from unnest(${FIRST}::text[]) as text) from clock`,
};

/*
 * Hands jobs off: those that nothing waits in front of begin as running, as a claim would leave them. Suspects and due jobs
 * that are deferred still have their turn with the worker's next claim, for which there are slots left. Parameters: worker, ids
 */
const HANDS_OFF: Extra = {
  label: 'insert_hand_off',
  starts: (t) => `,
    s.id = any (${SECOND}::uuid[])
    and exists (select 1 from ${t.workers} where id = ${FIRST} and state = 'active' and lease_expires_at > (select now from clock))
    and not exists (
      select 1 from ${t.live} l
      where l.lane = ${LANE.ready} and not l.running and l.queue = s.queue and l.rank <= -s.priority::integer) as starts`,
  live: {
    columns: ', running, attempt, worker_id, started_at',
    values: `, starts, starts::integer,
    case when starts then ${FIRST}::uuid end, case when starts then (select now from clock) end`,
  },
  answer: () => 'select now, null::uuid from clock union all select null, id from new where starts',
};

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
    const row = await session.row<[number]>(this.insertOf(shape, TELLS), [session.now, ...values, texts]);
    return row![0];
  }

  /** Inserts in one statement. @returns its clock, and which jobs run already */
  async insertHandingOff(
    session: PgSession,
    jobs: readonly NewJob[],
    { workerId, ids }: HandOff,
  ): Promise<{ readonly now: number; readonly started: ReadonlySet<JobId> }> {
    const { shape, values } = toColumns(jobs);
    const [first, ...rows] = await session.rows<readonly [now: number, id: string]>(this.insertOf(shape, HANDS_OFF), [
      session.now,
      ...values,
      toUuid(workerId),
      uuidArray([...ids]),
    ]);
    return { now: first![0], started: new Set(rows.map(([, uuid]) => toJobId(uuid))) };
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

  private insertOf(shape: InsertShape, extra = PLAIN): Statement {
    const key = `${extra.label} ${shapeKey(shape)}`;
    let known = this.insertStatements.get(key);
    if (!known) this.insertStatements.set(key, (known = statement(extra.label, insertText(this.tables, shape, extra))));
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
