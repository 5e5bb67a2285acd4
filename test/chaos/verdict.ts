import type { Job } from '../../lib/job/job.js';
import type { JudgeLine } from './judge-log.js';
import type { ChaosPayload } from './plan.js';
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
}

/** A rule and what broke it. */
export interface Finding {
  readonly rule: string;
  /** One text for each violation. */
  readonly broken: readonly string[];
}

type StoredJob = Job<ChaosPayload>;

/** What is known about one attempt of one job. */
interface Attempt {
  starts: number;
  returned: boolean;
  accepted: boolean;
}

const ENDED: readonly string[] = ['completed', 'failed', 'cancelled'];
/** The store remembers no more failures than this of a job. */
const ERRORS_KEPT = 10;

/** Judges a run by the store and by what handlers noted outside it. */
export function judge(evidence: Evidence): readonly Finding[] {
  const { stored, log, deaths, acknowledged, rolledBack, hanging } = evidence;
  const attempts = attemptsOf(log);
  const byId = new Map<string, StoredJob>(stored.jobs.map((job) => [job.id, job]));
  const dead = new Map<string, number>();
  for (const { jobId } of stored.dlq) dead.set(jobId, (dead.get(jobId) ?? 0) + 1);
  const each = (describe: (job: StoredJob) => string | false): string[] =>
    stored.jobs.flatMap((job) => {
      const text = describe(job);
      return text === false ? [] : [`${label(job)}: ${text}`];
    });

  return [
    {
      rule: 'lost: acknowledged, but missing or not at an end',
      broken: [...acknowledged].flatMap(([n, id]) => {
        const state = byId.get(id)?.state ?? 'missing';
        return ENDED.includes(state) ? [] : [`job ${id} (number ${n}) is ${state}`];
      }),
    },
    {
      rule: 'more than one accepted completion of a job',
      broken: [...attempts].flatMap(([id, ofJob]) => {
        const accepted = [...ofJob].filter(([, one]) => one.accepted).map(([attempt]) => attempt);
        const job = byId.get(id);
        const kept = job?.state === 'completed' ? [job.attempt] : [];
        const all = new Set([...accepted, ...kept]);
        return all.size > 1 || accepted.length > kept.length
          ? [
              `job ${id}: attempts ${[...accepted].join(', ')} were accepted, the store has ${job?.state} ${job?.attempt}`,
            ]
          : [];
      }),
    },
    {
      rule: 'completed, but the accepted attempt never returned',
      broken: each(
        (job) =>
          job.state === 'completed' &&
          !attempts.get(job.id)?.get(job.attempt)?.returned &&
          `no end of attempt ${job.attempt} in the log`,
      ),
    },
    {
      rule: 'rolled back, but stored or run',
      broken: [
        ...each((job) => rolledBack.has(job.payload.n) && `was rolled back and is ${job.state}`),
        ...log
          .filter(({ n }) => n !== undefined && rolledBack.has(n))
          .map(({ id, n }) => `job ${id} (number ${n}) was rolled back and ran`),
      ],
    },
    { rule: 'one enqueue stored twice', broken: repeated(stored.jobs) },
    { rule: 'one attempt of a job handed out twice', broken: handedOutTwice(attempts) },
    {
      rule: 'ran with an attempt that the store does not know of',
      broken: [...attempts].flatMap(([id, ofJob]) => {
        const known = byId.get(id)?.attempt;
        const most = Math.max(...ofJob.keys());
        return known === undefined || most > known ? [`job ${id}: attempt ${most}, the store has ${known}`] : [];
      }),
    },
    {
      rule: 'more retries than allowed, or without their history',
      broken: each(({ retryCount, maxRetries, errors, state }) => {
        const most = state === 'failed' ? maxRetries + 1 : maxRetries;
        if (retryCount > most) return `${retryCount} retries of ${maxRetries} as ${state}`;
        const kept = Math.min(retryCount, ERRORS_KEPT);
        return errors.length !== kept && `${retryCount} retries, ${errors.length} errors`;
      }),
    },
    {
      rule: 'failed without exactly one dead-letter entry, or an entry without a failed job',
      broken: [
        ...each((job) => {
          const count = dead.get(job.id) ?? 0;
          return count !== (job.state === 'failed' ? 1 : 0) && `${job.state} with ${count} entries`;
        }),
        ...[...dead.keys()].filter((id) => !byId.has(id)).map((id) => `an entry of the missing job ${id}`),
      ],
    },
    {
      rule: 'worker processes that ended by themselves',
      broken: deaths.filter(({ how }) => how === 'crashed').map(({ pid, code }) => `process ${pid} ended with ${code}`),
    },
    { rule: 'enqueues that never ended', broken: hanging > 0 ? [`${hanging} are still on their way`] : [] },
  ];
}

/** The attempts of every job, by what was noted about them. */
function attemptsOf(log: readonly JudgeLine[]): Map<string, Map<number, Attempt>> {
  const all = new Map<string, Map<number, Attempt>>();
  for (const { event, id, attempt, how } of log) {
    const ofJob = all.get(id) ?? new Map<number, Attempt>();
    all.set(id, ofJob);
    let one = ofJob.get(attempt);
    if (!one) ofJob.set(attempt, (one = { starts: 0, returned: false, accepted: false }));
    if (event === 'start') one.starts += 1;
    else if (event === 'accepted') one.accepted = true;
    else if (how === 'returned') one.returned = true;
  }
  return all;
}

function handedOutTwice(attempts: ReadonlyMap<string, ReadonlyMap<number, Attempt>>): string[] {
  return [...attempts].flatMap(([id, ofJob]) =>
    [...ofJob]
      .filter(([, { starts }]) => starts > 1)
      .map(([attempt, { starts }]) => `job ${id}: attempt ${attempt} started ${starts} times`),
  );
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
