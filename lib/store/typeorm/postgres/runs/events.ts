import { ID_PREFIX } from '../../../../id/ids.js';
import type { EventRecord, NewEvent } from '../../../../event/event-record.js';
import type { EventPage, ListEventsOptions } from '../../../../event/event-store.js';
import type { EventId } from '../../../../id/ids.js';
import type { Scope } from '../../../../scope/scope.js';
import { checkLimit, checkOrder, decodeCursor, encodeCursor } from '../../../cursor.js';
import type { WakeList } from '../../../wake-list.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { plainArray, toUuid, uuidArray } from '../rows.js';
import { CLOCK, type Tables } from '../tables.js';
import { EVENT_COLUMNS, type EventRow, toEventId, toEventRecord, toRunId } from './run-rows.js';

/** $1 clock  $2 ids  $3 names  $4 keys  $5 runs  $6 codecs  $7 app ids  $8 org ids  $9 payloads  $10 lifetimes  $11 whether some may be there */
const insertText = (t: Tables): string => `
with ${CLOCK},
inserted as (
  insert into ${t.events} (id, created_at, expires_at, name, key, run_id, codec, scope_app_id, scope_org_id, payload)
  select n.id, (select now from clock), (select now from clock) + n.ttl, n.name, n.key, n.run_id, n.codec, n.app, n.org, n.payload
  from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[])
    as n (id, name, key, run_id, codec, app, org, payload, ttl)
  where not $11::boolean or not exists (select 1 from ${t.events} e where e.id = n.id))
select now from clock`;

/*
 * Wakes the parked runs that wait for these events. It begins when the events are committed, and sees every wait that was by
 * then; a wait that is committed later is followed by a look that sees the events. $1 clock  $2 ids
 */
const matchText = (t: Tables): string => `
with ${CLOCK},
meeting as materialized (
  select distinct r.id from ${t.events} e
  cross join lateral (
    select run_id, since_at, rejected from ${t.waits} w where w.event_name = e.name and w.event_key is null
    union all
    select run_id, since_at, rejected from ${t.waits} w where w.event_name = e.name and w.event_key = e.key) as w
  cross join lateral (select * from ${t.runs} where id = w.run_id) as r
  where e.id = any ($2::uuid[]) and (e.run_id is null or e.run_id = r.id)
    and e.scope_app_id = r.scope_app_id and e.scope_org_id = r.scope_org_id
    and e.created_at >= w.since_at and e.id <> all (w.rejected)),
parked as materialized (
  select r.id from (select id from meeting order by id) as m
  cross join lateral (select id from ${t.runs} where id = m.id and worker_id is null and completed_at is null for update) as r),
woken as (
  update ${t.runs} set wake_at = (select now from clock), updated_at = (select now from clock)
  where id = any (array(select id from parked))
  returning name),
marked as (update ${t.events} set matched = true where id = any ($2::uuid[]) and not matched)
select name, null from woken
union all
select null, id from meeting where id not in (select id from parked)`;

/** Reads and writes events. */
export class PgEvents {
  private readonly insertStatement: Statement;
  private readonly matchStatement: Statement;
  private readonly newStatement: Statement;
  private readonly getStatement: Statement;
  private readonly pruneStatement: Statement;

  constructor(private readonly tables: Tables) {
    const t = tables;
    this.insertStatement = statement('publish', insertText(t));
    this.matchStatement = statement('match', matchText(t));
    this.newStatement = statement(
      'new_events',
      `select id from ${t.events} where not matched order by created_at limit $1`,
    );
    this.getStatement = statement(
      'get_event',
      `select ${EVENT_COLUMNS} from ${t.events} e
       where e.id = $1 and ($2::text is null or (e.scope_app_id = $2 and e.scope_org_id = $3))`,
    );
    this.pruneStatement = statement(
      'prune_events',
      `with ${CLOCK}
       delete from ${t.events} where id in (
         select id from ${t.events} where expires_at <= (select now from clock) order by expires_at limit $2 for update skip locked)`,
    );
  }

  /** @returns the database's time */
  async insert(session: PgSession, events: readonly NewEvent[], retry: boolean): Promise<number> {
    const row = await session.row<[number]>(this.insertStatement, [
      session.now,
      uuidArray(events.map(({ id }) => id)),
      events.map(({ name }) => name),
      events.map(({ key }) => key),
      plainArray(events.map(({ runId }) => (runId === null ? null : toUuid(runId)))),
      events.map(({ codec }) => codec),
      events.map(({ scopeAppId }) => scopeAppId),
      events.map(({ scopeOrgId }) => scopeOrgId),
      events.map(({ payload }) => payload),
      plainArray(events.map(({ ttlMs }) => Math.ceil(ttlMs))),
      retry,
    ]);
    return row![0];
  }

  /** Wakes who waits for these events, which are committed. */
  async match(session: PgSession, ids: readonly EventId[], wakes: WakeList): Promise<void> {
    const rows = await session.rows<[string | null, string | null]>(this.matchStatement, [
      session.now,
      uuidArray([...ids].sort()),
    ]);
    for (const [name, held] of rows) {
      if (name !== null) wakes.runs(name, 0);
      if (held !== null) wakes.signal(toRunId(held));
    }
  }

  /** Events whose publisher has not looked for who waits for them. */
  async unmatched(session: PgSession, limit: number): Promise<EventId[]> {
    return (await session.rows<[string]>(this.newStatement, [limit])).map(([id]) => toEventId(id));
  }

  async get(session: PgSession, id: EventId, scope: Scope | undefined): Promise<EventRecord | null> {
    const values = [toUuid(id), scope?.appId ?? null, scope?.orgId ?? null];
    const row = await session.row<EventRow>(this.getStatement, values);
    return row ? toEventRecord(row) : null;
  }

  async list(session: PgSession, options: ListEventsOptions): Promise<EventPage> {
    const limit = checkLimit(options.limit);
    const order = checkOrder(options.order);
    const after = options.cursor === undefined ? null : decodeCursor(options.cursor, ID_PREFIX.event);
    if (limit === 0) return { events: [] };
    const list = statement(
      `list_events_${order}`,
      `select ${EVENT_COLUMNS} from ${this.tables.events} e
       where ($1::text is null or e.name = $1) and ($2::text is null or e.key = $2)
         and ($3::bigint is null or e.created_at >= $3) and ($4::bigint is null or e.created_at < $4)
         and ($5::text is null or (e.scope_app_id = $5 and e.scope_org_id = $6))
         and ($7::bigint is null or (e.created_at, e.id) ${order === 'asc' ? '>' : '<'} ($7, $8::uuid))
       order by e.created_at ${order}, e.id ${order} limit $9`,
    );
    const { name, key, since, until, scope } = options;
    const rows = await session.rows<EventRow>(list, [
      name ?? null,
      key ?? null,
      since ?? null,
      until ?? null,
      scope?.appId ?? null,
      scope?.orgId ?? null,
      after?.at ?? null,
      after ? toUuid(after.id) : null,
      limit + 1,
    ]);
    const events = rows.slice(0, limit).map(toEventRecord);
    const last = events.at(-1);
    return rows.length > limit && last
      ? { events, nextCursor: encodeCursor({ at: last.createdAt, id: last.id }) }
      : { events };
  }

  prune(session: PgSession, limit: number): Promise<number> {
    return session.count(this.pruneStatement, [session.now, limit]);
  }
}
