import type { HeartbeatRequest, HeartbeatResult } from '../../../../cluster/cluster-store.js';
import type { NewWorker, WorkerRecord, WorkerState } from '../../../../cluster/worker-record.js';
import type { WorkerId } from '../../../../id/ids.js';
import type { HeldJob } from '../../../../job/job-store.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { plainArray, toJobId, toUuid, toWorkerId, uuidArray } from '../rows.js';
import { CLOCK, type Tables } from '../tables.js';
import { runningOf } from './running.js';

/** $1 clock  $2 id  $3 lease  $4 hostname  $5 pid  $6 version  $7 queues  $8 concurrency  $9 metadata */
const registerText = (t: Tables): string => `
with ${CLOCK}
insert into ${t.workers} (id, lease_expires_at, last_seen, started_at, state, hostname, pid, version, queues, concurrency, metadata)
select $2, now + $3::bigint, now, now, 'active', $4, $5, $6, $7, $8, $9 from clock
on conflict (id) do nothing`;

/*
 * Renews the lease and says of each job whether it is still held, and whether its end was asked for. The look at the jobs
 * is of the statement's beginning: what changes at this moment is said the next time, and the fence holds meanwhile.
 * $1 clock  $2 worker  $3 lease  $4 ids  $5 attempts
 */
const heartbeatText = (t: Tables): string => `
with ${CLOCK},
beat as (
  update ${t.workers} set lease_expires_at = (select now from clock) + $3::bigint, last_seen = (select now from clock)
  where id = $2 and state <> 'dead'
  returning id)
select null::uuid, (select count(*) from beat) = 1, null, exists (
    select 1 from ${t.workers} where case when state = 'dead' then not buried else lease_expires_at <= (select now from clock) end)
union all
select r.id, l.id is not null and (select count(*) from beat) = 1, l.cancel_requested_at is not null, null
from unnest($4::uuid[], $5::int[]) as r (id, attempt)
left join ${t.live} l on l.id = r.id and l.attempt = r.attempt and l.worker_id = $2 and l.running
where l.id is null or l.cancel_requested_at is not null or (select count(*) from beat) = 0`;

/** Its row stays until a rescue has found that it holds nothing. $1 clock  $2 worker */
const deregisterText = (t: Tables): string => `
with ${CLOCK}
update ${t.workers} set state = 'dead', gone = true, lease_expires_at = least(lease_expires_at, (select now from clock)) where id = $2`;

/** $1 clock */
const listText = (t: Tables): string => `
with ${CLOCK}
select id, lease_expires_at, last_seen, started_at, pid, concurrency,
  case when lease_expires_at <= (select now from clock) then 'dead' else state end, hostname, version, queues, metadata
from ${t.workers} where not gone order by started_at, id`;

/** $1 clock  $2 age  $3 limit */
const pruneText = (t: Tables): string => `
with ${CLOCK}
delete from ${t.workers} where id in (
  select id from ${t.workers} where state = 'dead' and not gone and lease_expires_at < (select now from clock) - $2::bigint
  order by id limit $3 for update skip locked)`;

type Row = readonly [
  id: string,
  leaseExpiresAt: number,
  lastSeen: number,
  startedAt: number,
  pid: number,
  concurrency: number,
  state: WorkerState,
  hostname: string,
  version: string,
  queues: string,
  metadata: string,
];

/** The rows of worker processes. */
export class PgWorkers {
  private readonly registerStatement: Statement;
  private readonly heartbeatStatement: Statement;
  private readonly drainStatement: Statement;
  private readonly heldStatement: Statement;
  private readonly deregisterStatement: Statement;
  private readonly deleteStatement: Statement;
  private readonly listStatement: Statement;
  private readonly pruneStatement: Statement;

  constructor(tables: Tables) {
    const t = tables;
    this.registerStatement = statement('register', registerText(t));
    this.heartbeatStatement = statement('heartbeat', heartbeatText(t));
    this.drainStatement = statement(
      'drain',
      `update ${t.workers} set state = 'draining' where id = $1 and state = 'active'`,
    );
    this.heldStatement = statement(
      'held',
      `select id, attempt from (${runningOf(t, 'l.worker_id = $1')}) as held order by id`,
    );
    this.deregisterStatement = statement('deregister', deregisterText(t));
    this.deleteStatement = statement('delete_worker', `delete from ${t.workers} where id = $1`);
    this.listStatement = statement('workers', listText(t));
    this.pruneStatement = statement('prune_workers', pruneText(t));
  }

  async register(session: PgSession, worker: NewWorker, leaseMs: number): Promise<void> {
    await session.count(this.registerStatement, [
      session.now,
      toUuid(worker.id),
      leaseMs,
      worker.hostname,
      worker.pid,
      worker.version,
      JSON.stringify(worker.queues),
      worker.concurrency,
      JSON.stringify(worker.metadata),
    ]);
  }

  async heartbeat(session: PgSession, { workerId, leaseMs, running }: HeartbeatRequest): Promise<HeartbeatResult> {
    const [first, ...rows] = await session.rows<[string | null, boolean, boolean | null, boolean | null]>(
      this.heartbeatStatement,
      [
        session.now,
        toUuid(workerId),
        leaseMs,
        uuidArray(running.map(({ id }) => id)),
        plainArray(running.map(({ attempt }) => attempt)),
      ],
    );
    const byUuid = new Map(running.map(({ id }) => [toUuid(id), id]));
    const pick = (wanted: (held: boolean) => boolean) =>
      rows.filter(([, held]) => wanted(held)).map(([uuid]) => byUuid.get(uuid!)!);
    return {
      alive: first![1],
      lost: pick((held) => !held),
      cancelRequested: pick((held) => held),
      mayRescue: first![3] === true,
    };
  }

  async held(session: PgSession, id: WorkerId): Promise<HeldJob[]> {
    const rows = await session.rows<[string, number]>(this.heldStatement, [toUuid(id)]);
    return rows.map(([uuid, attempt]) => ({ id: toJobId(uuid), attempt }));
  }

  async drain(session: PgSession, id: WorkerId): Promise<void> {
    await session.count(this.drainStatement, [toUuid(id)]);
  }

  async deregister(session: PgSession, id: WorkerId, idle: boolean): Promise<void> {
    if (idle) await session.count(this.deleteStatement, [toUuid(id)]);
    else await session.count(this.deregisterStatement, [session.now, toUuid(id)]);
  }

  async list(session: PgSession): Promise<WorkerRecord[]> {
    const rows = await session.rows<Row>(this.listStatement, [session.now]);
    return rows.map((row) => ({
      id: toWorkerId(row[0]),
      leaseExpiresAt: row[1],
      lastSeen: row[2],
      startedAt: row[3],
      pid: row[4],
      concurrency: row[5],
      state: row[6],
      hostname: row[7],
      version: row[8],
      queues: JSON.parse(row[9]) as string[],
      metadata: JSON.parse(row[10]) as Record<string, string>,
    }));
  }

  prune(session: PgSession, deadForMs: number, limit: number): Promise<number> {
    return session.count(this.pruneStatement, [session.now, deadForMs, limit]);
  }
}
