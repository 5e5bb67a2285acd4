import { JobAlreadyExistsError } from '../../../errors.js';
import { isTerminal } from '../../../job/job-state.js';
import type { JobId } from '../../../id/ids.js';
import type { ClaimedJob, JobRecord, NewJob } from '../../../job/job-record.js';
import type { HandOff, InsertJobsResult, JobConflict } from '../../../job/job-store.js';
import type { PgSession } from './pg-session.js';
import { toJobId, toUuid } from './rows.js';
import { CHUNK, type PgInserts } from './sql/insert.js';
import type { PgJobReads } from './sql/read-jobs.js';
import type { PgUniqueKeys } from './sql/unique-keys.js';

/** A job of an insert, with its place in the caller's list. */
interface Entry {
  readonly index: number;
  readonly job: NewJob;
}

const NONE: ReadonlySet<JobId> = new Set();
const NO_CONFLICTS: InsertJobsResult['conflicts'] = new Map();
/** Tries to settle who holds a key while its holders come and go. */
const TRIES = 10;

/** Inserts jobs inside a transaction: first decides who gets which unique key, then writes the rows. */
export class PgEnqueue {
  constructor(
    private readonly inserts: PgInserts,
    private readonly keys: PgUniqueKeys,
    private readonly reads: PgJobReads,
  ) {}

  /** Whether these jobs need more than one statement, and so a transaction. */
  needsTransaction(jobs: readonly NewJob[], retry: boolean): boolean {
    return retry || jobs.length > CHUNK || jobs.some(({ uniqueKey }) => uniqueKey !== null);
  }

  /** Inserts jobs that need no transaction. @param texts sent to other processes with the commit */
  async insertPlain(
    session: PgSession,
    jobs: readonly NewJob[],
    texts: readonly string[] | undefined,
  ): Promise<InsertJobsResult> {
    if (texts) return { now: await this.inserts.insertAndTell(session, jobs, texts), conflicts: NO_CONFLICTS };
    return { now: (await this.inserts.insert(session, jobs))!, conflicts: NO_CONFLICTS };
  }

  /** Inserts jobs that need no transaction, some of them as running. */
  async insertHandingOff(
    session: PgSession,
    jobs: readonly NewJob[],
    handOff: HandOff,
  ): Promise<InsertJobsResult & { readonly handedOff: readonly ClaimedJob[] }> {
    const { now, started } = await this.inserts.insertHandingOff(session, jobs, handOff);
    const handedOff = jobs.filter(({ id }) => started.has(id)).map((job) => toClaimed(job, now));
    return { now, conflicts: NO_CONFLICTS, handedOff };
  }

  /** @throws JobAlreadyExistsError */
  async insert(session: PgSession, jobs: readonly NewJob[], retry: boolean): Promise<InsertJobsResult> {
    const there = retry ? await this.inserts.existing(session, jobs) : NONE;
    const entries = jobs.map((job, index) => ({ index, job })).filter(({ job }) => !there.has(job.id));
    const conflicts = new Map<number, JobConflict>();
    const free = entries.filter(({ job }) => job.uniqueKey === null).map(({ job }) => job);
    let now = await this.inserts.insert(session, free);
    for (const round of roundsOfKeys(entries)) {
      const winners = await this.decide(session, round, conflicts);
      if (winners.length > 0) now = (await this.inserts.insert(session, winners)) ?? now;
    }
    return { now: now ?? (await this.reads.now(session)), conflicts };
  }

  /** @returns the jobs that have their keys and are to be inserted */
  private async decide(
    session: PgSession,
    round: readonly Entry[],
    conflicts: Map<number, JobConflict>,
  ): Promise<NewJob[]> {
    const winners: NewJob[] = [];
    for (let start = 0; start < round.length; start += CHUNK) {
      let open = round.slice(start, start + CHUNK);
      for (let attempt = 1; open.length > 0; attempt++) {
        open = await this.decideSome(session, open, winners, conflicts);
        if (open.length > 0 && attempt >= TRIES)
          throw new Error('unique keys changed hands too often to decide who has them');
      }
    }
    return winners;
  }

  /** @returns those whose keys have become free meanwhile */
  private async decideSome(
    session: PgSession,
    entries: readonly Entry[],
    winners: NewJob[],
    conflicts: Map<number, JobConflict>,
  ): Promise<Entry[]> {
    const won = await this.keys.claim(session, jobsOf(entries));
    const losers: Entry[] = [];
    for (const entry of entries) {
      if (won.has(toUuid(entry.job.id))) winners.push(entry.job);
      else losers.push(entry);
    }
    if (losers.length === 0) return [];
    const left: Entry[] = [];
    const holders = await this.keys.holders(session, jobsOf(losers));
    const met = await this.meet(session, [...holders.values()]);
    for (const entry of losers) {
      const holder = holders.get(entry.job.id);
      const decided = holder !== undefined && (await this.conflict(session, entry, holder, met, winners, conflicts));
      if (!decided) left.push(entry);
    }
    return left;
  }

  /** @returns false when the key has become free meanwhile */
  private async conflict(
    session: PgSession,
    { index, job }: Entry,
    holder: string,
    met: ReadonlyMap<JobId, JobRecord>,
    winners: NewJob[],
    conflicts: Map<number, JobConflict>,
  ): Promise<boolean> {
    const id = toJobId(holder);
    const replaced = job.onConflict === 'replace' && (await this.keys.replace(session, holder, job));
    const existing = job.onConflict === 'replace' ? await this.reads.get(session, id, undefined) : met.get(id);
    if (!existing || isTerminal(existing.state)) {
      await this.keys.free(session, holder);
      return false;
    }
    if (job.onConflict === 'error') throw new JobAlreadyExistsError(job.uniqueKey!, id);
    if (job.onConflict === 'replace' && !replaced) {
      if (existing.state !== 'running' || !(await this.keys.pass(session, holder, job))) return false;
      winners.push(job);
      return true;
    }
    conflicts.set(index, { kind: replaced ? 'replaced' : 'existing', job: existing });
    return true;
  }

  private async meet(session: PgSession, holders: readonly string[]): Promise<ReadonlyMap<JobId, JobRecord>> {
    if (holders.length === 0) return new Map();
    const jobs = await this.reads.getAll(session, holders.map(toJobId));
    return new Map(jobs.map((job) => [job.id, job]));
  }
}

/** What a claim at the moment of the insert would have brought. */
function toClaimed(
  { runAt: _, delayMs: __, uniqueForMs: ___, onConflict: ____, ...facts }: NewJob,
  now: number,
): ClaimedJob {
  return { ...facts, attempt: 1, retryCount: 0, runAt: now, createdAt: now, startedAt: now };
}

const jobsOf = (entries: readonly Entry[]): readonly NewJob[] => entries.map(({ job }) => job);

/** Keyed jobs in rounds, so that no round has a key twice: a later one of a key meets the earlier one as its holder. */
function roundsOfKeys(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const seen = new Map<string, number>();
  const rounds: Entry[][] = [];
  for (const entry of entries) {
    const { scopeAppId, scopeOrgId, name, uniqueKey } = entry.job;
    if (uniqueKey === null) continue;
    const key = JSON.stringify([scopeAppId, scopeOrgId, name, uniqueKey]);
    const round = seen.get(key) ?? 0;
    seen.set(key, round + 1);
    (rounds[round] ??= []).push(entry);
  }
  return rounds;
}
