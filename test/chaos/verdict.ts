import { isDeepStrictEqual } from 'node:util';
import { MAX_ERRORS_KEPT } from '../../lib/job/job-error.js';
import { isTerminal } from '../../lib/job/job-state.js';
import type { Job } from '../../lib/job/job.js';
import { type AttemptsByJob, attemptsOf } from './attempts.js';
import type { FaultCounts } from './faults.js';
import type { JudgeLine } from './judge-log.js';
import { type ChaosPayload, expectedResult, mayHaveFailedWith } from './plan.js';
import type { Stored } from './stored.js';
import type { Death } from './worker-pool.js';

/** What a run left behind. */
export interface Evidence {
  readonly stored: Stored;
  readonly log: readonly JudgeLine[];
  readonly deaths: readonly Death[];
  /** Number of the job to its id. */
  readonly acknowledged: ReadonlyMap<number, string>;
  readonly rolledBack: ReadonlySet<number>;
  /** Enqueues that never ended. */
  readonly hanging: number;
  readonly faults: FaultCounts;
  /** What the run has to have done, so that its verdict says anything. */
  readonly asked: { readonly jobs: number; readonly faults: readonly (keyof FaultCounts)[] };
}

/** The rules, as the verdict names them. */
export const RULES = {
  lost: 'lost: acknowledged, but missing or not at an end',
  unfinished: 'stored, but not at an end',
  completedTwice: 'more than one accepted completion of a job',
  neverReturned: 'completed, but the accepted attempt never returned',
  wrongResult: 'completed with another result than its handler returned',
  rolledBack: 'rolled back, but stored or run',
  storedTwice: 'one enqueue stored twice',
  handedOutTwice: 'one attempt of a job handed out twice',
  unknownAttempt: 'ran with an attempt that the store does not know of',
  wrongPayload: 'ran with the payload of another job',
  tooEarly: 'ran before it was due',
  tooManyRetries: 'more retries than allowed, or without their history',
  tooManyAttempts: 'ran more often than its retries allow',
  wrongEnd: 'cancelled, failed early, or for what its handler did not do',
  deadLetters: 'failed without exactly one dead-letter entry, or an entry without a failed job',
  crashed: 'worker processes that ended by themselves',
  hanging: 'enqueues that never ended',
  nothingShown: 'fewer jobs than asked for, or a fault that never happened',
} as const;

export type RuleName = keyof typeof RULES;

/** A rule and what broke it. */
export interface Finding {
  readonly rule: RuleName;
  /** One text for each violation. */
  readonly broken: readonly string[];
}

type StoredJob = Job<ChaosPayload>;

/** Clocks of this machine that are read in turn may differ by this much; one that is off differs by minutes. */
const CLOCK_TOLERANCE_MS = 250;

/** Judges a run by the store and by what handlers noted outside it. */
export function judge(evidence: Evidence): readonly Finding[] {
  const broken = findViolations(evidence);
  return (Object.keys(RULES) as RuleName[]).map((rule) => ({ rule, broken: broken[rule] }));
}

function findViolations(evidence: Evidence): Readonly<Record<RuleName, readonly string[]>> {
  const { stored, log, deaths, acknowledged, rolledBack, hanging, faults, asked } = evidence;
  const attempts = attemptsOf(log);
  const byId = new Map<string, StoredJob>(stored.jobs.map((job) => [job.id, job]));
  const dead = new Map<string, number>();
  for (const { jobId } of stored.dlq) dead.set(jobId, (dead.get(jobId) ?? 0) + 1);
  const each = (describe: (job: StoredJob) => string | false): string[] =>
    stored.jobs.flatMap((job) => {
      const text = describe(job);
      return text === false ? [] : [`${label(job)}: ${text}`];
    });

  return {
    lost: [...acknowledged].flatMap(([n, id]) => {
      const job = byId.get(id);
      return job && isTerminal(job.state) ? [] : [`job ${id} (number ${n}) is ${job?.state ?? 'missing'}`];
    }),
    unfinished: each(({ state }) => !isTerminal(state) && `is ${state}`),
    completedTwice: [...attempts].flatMap(([id, ofJob]) => acceptedTwice(id, ofJob, byId.get(id))),
    neverReturned: each(
      ({ id, state, attempt }) =>
        state === 'completed' &&
        !attempts.get(id)?.get(attempt)?.returned &&
        `the log has no return of attempt ${attempt}`,
    ),
    wrongResult: each(
      ({ state, payload, result }) =>
        state === 'completed' &&
        !isDeepStrictEqual(result, expectedResult(payload)) &&
        `has the result ${JSON.stringify(result)}`,
    ),
    rolledBack: [
      ...each((job) => rolledBack.has(job.payload.n) && `was rolled back and is ${job.state}`),
      ...log
        .filter(({ n }) => n !== undefined && rolledBack.has(n))
        .map(({ id, n }) => `job ${id} (number ${n}) was rolled back and ran`),
    ],
    storedTwice: repeated(stored.jobs),
    handedOutTwice: [...attempts].flatMap(([id, ofJob]) =>
      [...ofJob]
        .filter(([, { startedAt }]) => startedAt.length > 1)
        .map(
          ([attempt, { startedAt, leases }]) =>
            `job ${id}: attempt ${attempt} was started ${startedAt.length} times, under ${[...leases].join(' and ')}`,
        ),
    ),
    unknownAttempt: [...attempts].flatMap(([id, ofJob]) => {
      const known = byId.get(id)?.attempt;
      const most = Math.max(...ofJob.keys());
      return known === undefined || most > known ? [`job ${id}: attempt ${most}, the store has ${known}`] : [];
    }),
    wrongPayload: log.flatMap(({ id, attempt, n }) => {
      const own = byId.get(id)?.payload.n;
      return n === undefined || own === undefined || n === own
        ? []
        : [`job ${id} (number ${own}): attempt ${attempt} ran with that of number ${n}`];
    }),
    tooEarly: each((job) => startedEarly(job, attempts)),
    tooManyRetries: each(({ retryCount, maxRetries, errors, state }) => {
      const most = state === 'failed' ? maxRetries + 1 : maxRetries;
      if (retryCount > most) return `${retryCount} retries of ${maxRetries} as ${state}`;
      if (errors.length !== Math.min(retryCount, MAX_ERRORS_KEPT))
        return `${retryCount} retries, ${errors.length} errors`;
      return errors.some(({ attempt }, index) => attempt <= (errors[index - 1]?.attempt ?? 0)) && `errors out of order`;
    }),
    tooManyAttempts: each(({ id, maxRetries }) => {
      const ran = attempts.get(id)?.size ?? 0;
      return ran > maxRetries + 1 && `${ran} attempts ran with ${maxRetries} retries`;
    }),
    wrongEnd: each(({ state, retryCount, maxRetries, errors, payload }) => {
      if (state === 'cancelled') return 'is cancelled, though nobody asked for it';
      if (state === 'failed' && retryCount <= maxRetries) return `failed after ${retryCount} of ${maxRetries} retries`;
      const odd = errors.find((error) => !mayHaveFailedWith(payload, error));
      return odd !== undefined && `attempt ${odd.attempt} failed with ${odd.name}: ${odd.message}`;
    }),
    deadLetters: [
      ...each((job) => {
        const count = dead.get(job.id) ?? 0;
        return count !== (job.state === 'failed' ? 1 : 0) && `${job.state} with ${count} entries`;
      }),
      ...[...dead.keys()].filter((id) => !byId.has(id)).map((id) => `an entry of the missing job ${id}`),
    ],
    crashed: deaths.filter(({ how }) => how === 'crashed').map(({ pid, code }) => `process ${pid} ended with ${code}`),
    hanging: hanging > 0 ? [`${hanging} are still on their way`] : [],
    nothingShown: [
      ...(acknowledged.size < asked.jobs ? [`${acknowledged.size} of ${asked.jobs} jobs were acknowledged`] : []),
      ...asked.faults.filter((fault) => faults[fault] === 0).map((fault) => `there were no ${fault}`),
    ],
  };
}

/** By the log, and by the store where the process was killed before it could note the acceptance. */
function acceptedTwice(
  id: string,
  ofJob: ReadonlyMap<number, { readonly accepted: number }>,
  job: StoredJob | undefined,
): string[] {
  const accepted = [...ofJob].flatMap(([attempt, one]) => Array<number>(one.accepted).fill(attempt));
  const kept = job?.state === 'completed' ? job.attempt : undefined;
  return accepted.length <= 1 && accepted.every((attempt) => attempt === kept)
    ? []
    : [`job ${id}: attempts ${accepted.join(', ')} were accepted, the store has ${job?.state} ${job?.attempt}`];
}

/** Due is a job at first by its delay, and after each failure by its backoff, in the store's time. */
function startedEarly(job: StoredJob, attempts: AttemptsByJob): string | false {
  const { delayMs, backoffMs } = job.payload;
  for (const [attempt, { startedAt }] of attempts.get(job.id) ?? []) {
    const failure = job.errors.findLast((error) => error.attempt < attempt);
    const due = !failure
      ? job.createdAt.getTime() + delayMs
      : failure.at + (failure.code === 'WORKER_LOST' ? 0 : backoffMs);
    const early = due - Math.min(...startedAt);
    if (early > CLOCK_TOLERANCE_MS) return `attempt ${attempt} was started ${early} ms before its time`;
  }
  return false;
}

function repeated(jobs: readonly StoredJob[]): string[] {
  const first = new Map<number, string>();
  return jobs.flatMap(({ id, payload }) => {
    const other = first.get(payload.n);
    first.set(payload.n, id);
    return other === undefined ? [] : [`number ${payload.n} is both ${other} and ${id}`];
  });
}

function label({ id, name, payload }: StoredJob): string {
  return `job ${id} "${name}" (number ${payload.n})`;
}
