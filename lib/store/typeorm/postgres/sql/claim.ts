import type { Clock } from '../../../../clock/clock.js';
import type { ClaimRequest, ClaimResult, NameClaim } from '../../../../job/job-store.js';
import type { JobId } from '../../../../id/ids.js';
import type { ClaimedJob, NewJob } from '../../../../job/job-record.js';
import type { PgConnection } from '../pg-connection.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { parseBackoff, parseHeaders, plainArray, toCronId, toJobId, toUuid } from '../rows.js';
import type { Tables } from '../tables.js';
import { ClaimMarks, type Mark, type Placed } from './claim-marks.js';
import { ALIVE, claimText, promoteText } from './claim-statements.js';

interface Header {
  readonly 1: number | null;
  readonly 3: number;
  readonly 5: boolean;
  readonly 22: boolean;
}
type Row = readonly [
  id: string,
  runAt: number,
  startedAt: number,
  attempt: number,
  retryCount: number,
  suspect: boolean,
  name: string,
  queue: string,
  payload: string | null,
  codec: string,
  priority: number,
  maxRetries: number,
  timeoutMs: number,
  createdAt: number,
  scopeAppId: string,
  scopeOrgId: string,
  backoff: string | null,
  uniqueKey: string | null,
  groupKey: string | null,
  headers: string | null,
  cronId: string | null,
  cronAt: number | null,
];

interface ClaimedRows {
  readonly result: ClaimResult;
  /** Deferred jobs are due and have to be promoted first. */
  readonly due: boolean;
  /** Suspects wait, for which there is another statement. */
  readonly suspects: boolean;
}

/** In front of every job. */
const HEAD: Mark = { rank: -1_000_000, runAt: 0, uuid: '00000000-0000-0000-0000-000000000000' };

/** Leases jobs to workers. */
export class PgClaims {
  private readonly usual: Statement;
  private readonly withSuspects: Statement;
  private readonly withLimits: Statement;
  private readonly promote: Statement;
  private readonly marks = new ClaimMarks();

  constructor(
    private readonly connection: PgConnection,
    tables: Tables,
    private readonly clock: Pick<Clock, 'monotonic'>,
  ) {
    this.usual = statement('claim', claimText(tables, 'usual'));
    this.withSuspects = statement('claim_suspects', claimText(tables, 'withSuspects'));
    this.withLimits = statement('claim_limits', claimText(tables, 'withLimits'));
    this.promote = statement('promote', promoteText(tables));
  }

  claim(request: ClaimRequest): Promise<ClaimResult> {
    return this.connection.run(async (session) => {
      if (request.nameLimits?.length) return this.claimWithLimits(session, request, request.nameLimits);
      const { result, due, suspects } = await this.takeUsual(session, request);
      if (!result.workerAlive || !(due || suspects)) return result;
      if (due) await this.makeReady(session, request);
      return (await this.take(session, request, this.withSuspects)).result;
    });
  }

  /** This process has inserted jobs. */
  inserted(jobs: readonly NewJob[]): void {
    for (const { queue, priority, runAt } of jobs) this.marks.came(queue, -priority, runAt);
  }

  /** This process has made jobs wait again. */
  returned(): void {
    this.marks.clear();
  }

  /** Another process has said that jobs wait. */
  heard(): void {
    this.marks.doubt();
  }

  private async takeUsual(session: PgSession, request: ClaimRequest): Promise<ClaimedRows> {
    const from = this.marks.from(request, this.clock.monotonic());
    const marks = request.queues.map(({ queue }) => from?.get(queue) ?? HEAD);
    const startedAt = this.clock.monotonic();
    const taken = await this.take(
      session,
      request,
      this.usual,
      plainArray(marks.map(({ rank }) => rank)),
      plainArray(marks.map(({ runAt }) => runAt)),
      plainArray(marks.map(({ uuid }) => uuid)),
    );
    const { jobs, nextDueInMs } = taken.result;
    const endedAt = this.clock.monotonic();
    if (!from) this.marks.walked(startedAt, endedAt, jobs.length);
    this.marks.took(request, lastOfEachQueue(jobs));
    if (!from || jobs.length >= request.limit) return taken;
    // What may stand in front of the marks has to be looked for, too.
    const walkInMs = Math.max(1, this.marks.walkInMs(endedAt));
    return { ...taken, result: { ...taken.result, nextDueInMs: Math.min(nextDueInMs ?? walkInMs, walkInMs) } };
  }

  private async claimWithLimits(
    session: PgSession,
    request: ClaimRequest,
    nameLimits: readonly NameClaim[],
  ): Promise<ClaimResult> {
    const limits = [nameLimits.map(({ name }) => name), plainArray(nameLimits.map(({ limit }) => limit))];
    const { result, due } = await this.take(session, request, this.withLimits, ...limits, false);
    if (!result.workerAlive || !due) return result;
    await this.makeReady(session, request);
    return (await this.take(session, request, this.withLimits, ...limits, true)).result;
  }

  private async makeReady(session: PgSession, { names, queues }: ClaimRequest): Promise<void> {
    await session.count(this.promote, [session.now, queues.map(({ queue }) => queue), names]);
    this.marks.clear();
  }

  private async take(
    session: PgSession,
    request: ClaimRequest,
    how: Statement,
    ...more: unknown[]
  ): Promise<ClaimedRows> {
    const { workerId, queues, names, limit, suspectLimit } = request;
    const [first, ...rows] = await session.rows<Row>(how, [
      session.now,
      toUuid(workerId),
      queues.map(({ queue }) => queue),
      plainArray(queues.map((queue) => queue.limit)),
      names,
      limit,
      suspectLimit,
      ...more,
    ]);
    const header = first as unknown as Header;
    const jobs: ClaimedJob[] = [];
    const suspects = new Set<JobId>();
    let job: ClaimedJob | undefined;
    for (const row of rows) {
      job = toClaimedJob(row, job);
      jobs.push(job);
      if (row[5]) suspects.add(job.id);
    }
    const order = new Map(queues.map(({ queue }, index) => [queue, index]));
    jobs.sort((a, b) => order.get(a.queue)! - order.get(b.queue)! || compareJobs(a, b));
    const result = { jobs, suspects, nextDueInMs: header[1], workerAlive: header[3] !== ALIVE.dead };
    return { result, due: header[5], suspects: header[22] };
  }
}

function compareJobs(a: ClaimedJob, b: ClaimedJob): number {
  return b.priority - a.priority || a.runAt - b.runAt || (a.id < b.id ? -1 : 1);
}

/** @param jobs in the order of the claim */
function lastOfEachQueue(jobs: readonly ClaimedJob[]): readonly Placed[] {
  return jobs
    .filter(({ queue }, index) => queue !== jobs[index + 1]?.queue)
    .map(({ queue, priority, runAt, id }) => ({ queue, rank: -priority, runAt, uuid: toUuid(id) }));
}

/**
 * Jobs of a claim have most texts in common: each keeps those of the job before it where they are equal, so that a
 * thousand jobs under way do not hold a thousand copies.
 */
function toClaimedJob(row: Row, before: ClaimedJob | undefined): ClaimedJob {
  return {
    id: toJobId(row[0]),
    runAt: row[1],
    startedAt: row[2],
    attempt: row[3],
    retryCount: row[4],
    name: row[6] === before?.name ? before.name : row[6],
    queue: row[7] === before?.queue ? before.queue : row[7],
    payload: row[8],
    codec: row[9] === before?.codec ? before.codec : row[9],
    priority: row[10],
    maxRetries: row[11],
    timeoutMs: row[12],
    createdAt: row[13],
    scopeAppId: row[14] === before?.scopeAppId ? before.scopeAppId : row[14],
    scopeOrgId: row[15] === before?.scopeOrgId ? before.scopeOrgId : row[15],
    backoff: parseBackoff(row[16]),
    uniqueKey: row[17],
    groupKey: row[18],
    headers: parseHeaders(row[19]),
    cronId: row[20] === null ? null : toCronId(row[20]),
    cronAt: row[21],
  };
}
