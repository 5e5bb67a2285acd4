import type { EventRecord } from '../../../../event/event-record.js';
import type { RunId, WorkerId } from '../../../../id/ids.js';
import type { ErrorRecord } from '../../../../job/job-error.js';
import type { CheckpointRecord } from '../../../../workflow/checkpoint.js';
import type { HeldRun } from '../../../../workflow/run-record.js';
import type { RunHistory } from '../../../../workflow/workflow-store.js';
import type { EndedChild, OpenWaits, WaitRecord } from '../../../../workflow/wait.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { parseJson, plainArray, toUuid, uuidArray } from '../rows.js';
import { CLOCK, type Tables } from '../tables.js';
import {
  CHECKPOINT_COLUMNS,
  type CheckpointRow,
  EVENT_COLUMNS,
  type EventRow,
  toCheckpoint,
  toEventId,
  toEventRecord,
  toRunId,
} from './run-rows.js';

/** SQL: what else an event `e` must be to meet the wait `w` of the run `r`, beside its name and key. */
const meets = (t: Tables): string => `
    (e.run_id is null or e.run_id = r.id) and e.scope_app_id = r.scope_app_id and e.scope_org_id = r.scope_org_id
    and e.created_at >= w.since_at and e.expires_at > (select now from clock) and e.id <> all (w.rejected)
    and not exists (
      select 1 from ${t.checkpoints} c where c.run_id = r.id and c.generation = r.generation and c.event_id = e.id)`;

/** SQL: the events that meet the wait `w` of the run `r`. With and without a key they lie in different indexes. */
export const eventsOfWait = (t: Tables, columns: string): string => `
  select ${columns} from ${t.events} e where e.name = w.event_name and e.key = w.event_key and ${meets(t)}
  union all
  select ${columns} from ${t.events} e where w.event_key is null and e.name = w.event_name and ${meets(t)}`;

const HELD = 'unnest($1::uuid[], $2::int[]) as h (id, attempt)';

/** One row at least for each run that is held. $1 ids  $2 attempts  $3 worker */
const checkpointsText = (t: Tables): string => `
select r.id, ${CHECKPOINT_COLUMNS}
from ${HELD} cross join lateral (select * from ${t.runs} where id = h.id and worker_id = $3 and attempt = h.attempt) as r
left join ${t.checkpoints} c on c.run_id = r.id and c.generation = r.generation
order by r.id, c.seq`;

/** $1 ids  $2 attempts  $3 worker */
const heldText = (t: Tables): string => `
select r.id from ${HELD}
cross join lateral (select id from ${t.runs} where id = h.id and worker_id = $3 and attempt = h.attempt) as r`;

/** $1 clock  $2 runs */
const waitsText = (t: Tables): string => `
with ${CLOCK}
select clock.now, w.run_id, w.key, w.part, w.kind, w.due_at, w.event_name, w.event_key, w.child_run_id, w.tries, w.error,
  w.rejected::text[]
from clock left join ${t.waits} w on w.run_id = any ($2::uuid[])
order by w.run_id, w.key, w.part`;

/** $1 clock  $2 runs */
const eventsText = (t: Tables): string => `
with ${CLOCK}
select r.id, e.* from unnest($2::uuid[]) as g (id)
cross join lateral (select * from ${t.runs} where id = g.id) as r
cross join lateral (select * from ${t.waits} where run_id = r.id and event_name is not null) as w
cross join lateral (${eventsOfWait(t, EVENT_COLUMNS)}) as e`;

/** $1 runs */
const childrenText = (t: Tables): string => `
select w.run_id, c.id, c.state, c.output, c.codec, c.error from ${t.waits} w join ${t.runs} c on c.id = w.child_run_id
where w.run_id = any ($1::uuid[]) and c.completed_at is not null`;

type WaitRow = readonly [
  now: number,
  runId: string | null,
  key: string,
  part: number,
  kind: WaitRecord['kind'],
  dueAt: number | null,
  eventName: string | null,
  eventKey: string | null,
  childRunId: string | null,
  tries: number,
  error: string | null,
  rejected: string[],
];

type ChildRow = readonly [
  runId: string,
  id: string,
  state: EndedChild['state'],
  output: string | null,
  codec: string,
  error: string | null,
];

/** Reads what replays need. */
export class PgRunHistory {
  private readonly checkpoints: Statement;
  private readonly heldOnes: Statement;
  private readonly waits: Statement;
  private readonly events: Statement;
  private readonly children: Statement;

  constructor(tables: Tables) {
    this.checkpoints = statement('checkpoints', checkpointsText(tables));
    this.heldOnes = statement('still_held', heldText(tables));
    this.waits = statement('waits', waitsText(tables));
    this.events = statement('wait_events', eventsText(tables));
    this.children = statement('wait_children', childrenText(tables));
  }

  async load(
    session: PgSession,
    workerId: WorkerId,
    runs: readonly HeldRun[],
  ): Promise<ReadonlyMap<RunId, RunHistory>> {
    const rows = await session.rows<[string, ...CheckpointRow]>(this.checkpoints, heldValues(workerId, runs));
    const checkpoints = new Map<RunId, CheckpointRecord[]>();
    for (const [uuid, ...row] of rows) {
      const id = toRunId(uuid);
      const list = checkpoints.get(id) ?? [];
      checkpoints.set(id, list);
      if (row[1] !== null) list.push(toCheckpoint(row));
    }
    const open = await this.open(session, [...checkpoints.keys()]);
    return new Map([...checkpoints].map(([id, list]) => [id, { ...open.get(id)!, checkpoints: list }]));
  }

  async loadWaits(
    session: PgSession,
    workerId: WorkerId,
    runs: readonly HeldRun[],
  ): Promise<ReadonlyMap<RunId, OpenWaits>> {
    const rows = await session.rows<[string]>(this.heldOnes, heldValues(workerId, runs));
    return this.open(
      session,
      rows.map(([id]) => toRunId(id)),
    );
  }

  /** What runs wait for and what has come of it. */
  async open(session: PgSession, ids: readonly RunId[]): Promise<ReadonlyMap<RunId, OpenWaits>> {
    if (ids.length === 0) return new Map();
    const rows = await session.rows<WaitRow>(this.waits, [session.now, uuidArray(ids)]);
    const now = rows[0]![0];
    const waits = group(rows.flatMap((row) => (row[1] === null ? [] : [[toRunId(row[1]), toWait(row)] as const])));
    const withEvents = ids.filter((id) => waits.get(id)?.some(({ eventName }) => eventName !== null));
    const withChildren = ids.filter((id) => waits.get(id)?.some(({ childRunId }) => childRunId !== null));
    const events = await this.eventsOf(session, withEvents);
    const children = await this.childrenOf(session, withChildren);
    return new Map(
      ids.map((id) => [
        id,
        { now, waits: waits.get(id) ?? [], events: events.get(id) ?? [], children: children.get(id) ?? [] },
      ]),
    );
  }

  private async eventsOf(session: PgSession, ids: readonly RunId[]): Promise<ReadonlyMap<RunId, EventRecord[]>> {
    if (ids.length === 0) return new Map();
    const rows = await session.rows<[string, ...EventRow]>(this.events, [session.now, uuidArray(ids)]);
    const events = group(rows.map(([runId, ...row]) => [toRunId(runId), toEventRecord(row)] as const));
    for (const [id, list] of events) {
      // One that meets two waits comes twice.
      const distinct = [...new Map(list.map((event) => [event.id, event])).values()];
      events.set(
        id,
        distinct.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)),
      );
    }
    return events;
  }

  private async childrenOf(session: PgSession, ids: readonly RunId[]): Promise<ReadonlyMap<RunId, EndedChild[]>> {
    if (ids.length === 0) return new Map();
    const rows = await session.rows<ChildRow>(this.children, [uuidArray(ids)]);
    return group(
      rows.map(([runId, id, state, output, codec, error]) => [
        toRunId(runId),
        { id: toRunId(id), state, output, codec, error: parseJson<ErrorRecord>(error) },
      ]),
    );
  }
}

function heldValues(workerId: WorkerId, runs: readonly HeldRun[]): readonly unknown[] {
  return [uuidArray(runs.map(({ id }) => id)), plainArray(runs.map(({ attempt }) => attempt)), toUuid(workerId)];
}

function toWait(row: WaitRow): WaitRecord {
  return {
    key: row[2],
    part: row[3],
    kind: row[4],
    dueAt: row[5],
    eventName: row[6],
    eventKey: row[7],
    childRunId: row[8] === null ? null : toRunId(row[8]),
    tries: row[9],
    error: parseJson<ErrorRecord>(row[10]),
    rejected: row[11].map(toEventId),
  };
}

function group<T>(pairs: readonly (readonly [RunId, T])[]): Map<RunId, T[]> {
  const groups = new Map<RunId, T[]>();
  for (const [id, item] of pairs) {
    const list = groups.get(id);
    if (list) list.push(item);
    else groups.set(id, [item]);
  }
  return groups;
}
