import type { JobId } from '../../../../id/ids.js';
import type { NewJob } from '../../../../job/job-record.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { plainArray, toJobId, toJson, toUuid, uuidArray } from '../rows.js';
import { CLOCK, LANE, type Tables } from '../tables.js';

/** SQL: what a key is stored under. */
export const keyHash = (appId: string, orgId: string, name: string, key: string): string =>
  `substr(encode(sha256(convert_to(json_build_array(${appId}, ${orgId}, ${name}, ${key})::text, 'UTF8')), 'hex'), 1, 32)::uuid`;

/*
 * The judge of uniqueness is the primary key of this table: of two statements at the same time one wins, the other waits
 * for it and then sees it. A key whose window is over is taken over. Only rows that are taken are locked: a transaction of
 * the application's that merely meets a key must not hold up the settlement of its job. Ordered, so that two batches
 * never wait for each other.
 * $1 clock  $2 app ids  $3 org ids  $4 names  $5 keys  $6 ids  $7 windows
 */
const claimText = (t: Tables): string => `
with ${CLOCK},
asked as materialized (
  select ${keyHash('s.app', 's.org', 's.name', 's.key')} as hash, s.id, (select now from clock) + s.lasts as until
  from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::bigint[]) as s (app, org, name, key, id, lasts)),
won as (
  insert into ${t.keys} (hash, job_id, until) select hash, id, until from asked order by hash
  on conflict (hash) do nothing
  returning job_id),
expired as materialized (
  select k.hash, k.job_id from ${t.keys} k join asked a on a.hash = k.hash
  where k.until <= (select now from clock)
  order by k.hash for update of k),
taken as (
  update ${t.keys} k set job_id = a.id, until = a.until
  from expired e join asked a on a.hash = e.hash where k.hash = e.hash
  returning k.job_id),
former as (
  update ${t.jobs} f set unique_key = null, unique_until = null
  from expired e where f.id = e.job_id and f.id not in (select id from asked))
select job_id from won union all select job_id from taken
union all select k.job_id from ${t.keys} k join asked a on a.hash = k.hash and a.id = k.job_id`;

/** Who holds the keys of jobs. $1 app ids  $2 org ids  $3 names  $4 keys  $5 ids */
const holdersText = (t: Tables): string => `
with asked as materialized (
  select ${keyHash('s.app', 's.org', 's.name', 's.key')} as hash, s.id
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[]) as s (app, org, name, key, id))
select a.id, k.job_id from asked a join ${t.keys} k on k.hash = a.hash`;

/** Frees the key of a job that does not live: nothing else would. $1 id */
const freeText = (t: Tables): string => `
delete from ${t.keys} where job_id = $1 and not exists (select 1 from ${t.live} where id = $1)`;

/** Gives the key of a running job to a new one. $1 clock  $2 old id  $3 new id  $4 window */
const passText = (t: Tables): string => `
with ${CLOCK},
old as (update ${t.jobs} set unique_key = null, unique_until = null where id = $2)
update ${t.keys} set job_id = $3, until = (select now from clock) + $4::bigint where job_id = $2`;

/** How long the key of a job holds from now. $1 clock  $2 id  $3 window */
const extendText = (t: Tables): string => `
with ${CLOCK},
fact as (update ${t.jobs} set unique_until = (select now from clock) + $3::bigint where id = $2)
update ${t.keys} set until = (select now from clock) + $3::bigint where job_id = $2`;

/*
 * Gives a waiting job the payload and options of another; nothing happens when it is not waiting.
 * $1 clock  $2 id  $3 queue  $4 payload  $5 codec  $6 priority  $7 retries  $8 timeout  $9 run_at  $10 delay
 * $11 backoff  $12 group key  $13 headers
 */
const replaceText = (t: Tables): string => `
with ${CLOCK},
due as (select coalesce($9::bigint, now + $10::bigint) as at from clock),
live as (
  update ${t.live} l
  set queue = $3, rank = -$6::integer, run_at = due.at, updated_at = c.now,
      lane = case when due.at > c.now then ${LANE.deferred} when l.suspect then ${LANE.suspect} else ${LANE.ready} end
  from due, clock c
  where l.id = $2 and not l.running
  returning l.id)
update ${t.jobs} f
set queue = $3, payload = $4, codec = $5, priority = $6, max_retries = $7, timeout_ms = $8, backoff = $11, group_key = $12, headers = $13
from live where f.id = live.id`;

/** Unique keys and who holds them. */
export class PgUniqueKeys {
  private readonly claimStatement: Statement;
  private readonly holdersStatement: Statement;
  private readonly freeStatement: Statement;
  private readonly passStatement: Statement;
  private readonly extendStatement: Statement;
  private readonly replaceStatement: Statement;

  constructor(tables: Tables) {
    this.claimStatement = statement('key_claim', claimText(tables));
    this.holdersStatement = statement('key_holders', holdersText(tables));
    this.freeStatement = statement('key_free', freeText(tables));
    this.passStatement = statement('key_pass', passText(tables));
    this.extendStatement = statement('key_extend', extendText(tables));
    this.replaceStatement = statement('replace', replaceText(tables));
  }

  /** Takes keys for jobs, of which no two have the same. @returns the UUIDs of the jobs that have theirs now */
  async claim(session: PgSession, jobs: readonly NewJob[]): Promise<ReadonlySet<string>> {
    const rows = await session.rows<[string]>(this.claimStatement, [
      session.now,
      ...keyColumns(jobs),
      plainArray(jobs.map(({ uniqueForMs }) => uniqueForMs)),
    ]);
    return new Set(rows.map(([id]) => id));
  }

  /** By the id of each job, the UUID of the one that holds its key; left out where that has become free. */
  async holders(session: PgSession, jobs: readonly NewJob[]): Promise<ReadonlyMap<JobId, string>> {
    const rows = await session.rows<[string, string]>(this.holdersStatement, keyColumns(jobs));
    return new Map(rows.map(([id, holder]) => [toJobId(id), holder]));
  }

  /** Frees the key of a job that has ended or is gone. */
  async free(session: PgSession, holder: string): Promise<void> {
    await session.count(this.freeStatement, [holder]);
  }

  /** Passes a key on from a running job, which goes on without it. @returns false when it has lost it meanwhile */
  async pass(session: PgSession, from: string, to: NewJob): Promise<boolean> {
    return (await session.count(this.passStatement, [session.now, from, toUuid(to.id), to.uniqueForMs])) > 0;
  }

  /** Writes the payload and options of `job` over a waiting one. @returns false when that is not waiting */
  async replace(session: PgSession, id: string, job: NewJob): Promise<boolean> {
    const written = await session.count(this.replaceStatement, [
      session.now,
      id,
      job.queue,
      job.payload,
      job.codec,
      job.priority,
      job.maxRetries,
      job.timeoutMs,
      job.runAt,
      job.delayMs,
      toJson(job.backoff),
      job.groupKey,
      toJson(job.headers),
    ]);
    if (written === 0) return false;
    await session.count(this.extendStatement, [session.now, id, job.uniqueForMs]);
    return true;
  }
}

/** What keys are made of, and whose they are. */
function keyColumns(jobs: readonly NewJob[]): readonly unknown[] {
  return [
    jobs.map(({ scopeAppId }) => scopeAppId),
    jobs.map(({ scopeOrgId }) => scopeOrgId),
    jobs.map(({ name }) => name),
    jobs.map(({ uniqueKey }) => uniqueKey),
    uuidArray(jobs.map(({ id }) => id)),
  ];
}
