import type { DlqEntry } from '../../lib/dlq/dlq-entry.js';
import type { Job } from '../../lib/job/job.js';
import type { JobErrorRecord } from '../../lib/job/job-error.js';
import type { FaultCounts } from './faults.js';
import type { JudgeLine } from './judge-log.js';
import type { ChaosPayload } from './plan.js';
import type { Evidence } from './verdict.js';
import type { Death } from './worker-pool.js';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A job of the store, as far as the judge looks at it. */
export type MadeUpJob = Writable<
  Pick<
    Job<ChaosPayload>,
    'id' | 'name' | 'payload' | 'state' | 'attempt' | 'retryCount' | 'maxRetries' | 'errors' | 'result' | 'createdAt'
  >
>;

const START = Date.UTC(2026, 0, 1);

/** Evidence that never happened, to be changed at will. */
export class MadeUpRun {
  readonly jobs: MadeUpJob[] = [];
  readonly deadLetters: string[] = [];
  log: JudgeLine[] = [];
  readonly deaths: Death[] = [];
  readonly acknowledged = new Map<number, string>();
  readonly rolledBack = new Set<number>();
  hanging = 0;
  faults: FaultCounts = { kills: 3, freezes: 2, terminations: 0, restarts: 0 };
  asked: Evidence['asked'] = { jobs: 0, faults: ['kills', 'freezes'] };

  /** Stores and acknowledges a job that has not run yet. @returns it, by its number */
  job(n: number, more: Partial<ChaosPayload> & { readonly maxRetries?: number } = {}): MadeUpJob {
    const { maxRetries = 2, ...rest } = more;
    const payload: ChaosPayload = { n, kind: 'quick', ms: 0, bad: 1, variant: 0, delayMs: 0, backoffMs: 20, ...rest };
    const job: MadeUpJob = {
      id: `job_${n}` as MadeUpJob['id'],
      name: payload.kind,
      payload,
      state: 'pending',
      attempt: 0,
      retryCount: 0,
      maxRetries,
      errors: [],
      result: undefined,
      createdAt: new Date(START + n),
    };
    this.jobs.push(job);
    this.acknowledged.set(n, job.id);
    return job;
  }

  /** Notes something about an attempt, so many milliseconds after the enqueue. */
  note(
    job: MadeUpJob,
    attempt: number,
    event: JudgeLine['event'],
    afterMs: number,
    more: Partial<JudgeLine> = {},
  ): void {
    const { id, payload, createdAt } = job;
    const about = event === 'start' ? { n: payload.n } : event === 'end' ? { how: 'returned' as const } : {};
    const at = createdAt.getTime() + afterMs;
    this.log.push({ event, id, attempt, lease: `wkr_${attempt}`, pid: 100 + attempt, at, ...about, ...more });
  }

  /** An attempt that failed, and what the store keeps of it. */
  fail(job: MadeUpJob, attempt: number, afterMs: number, error: Partial<JobErrorRecord> = {}): void {
    this.note(job, attempt, 'start', afterMs);
    const at = job.createdAt.getTime() + afterMs + 1;
    job.errors = [...job.errors, { name: 'Error', message: `attempt ${attempt} fails`, attempt, at, ...error }];
    job.attempt = attempt;
    job.retryCount += 1;
    job.state = job.retryCount > job.maxRetries ? 'failed' : 'retrying';
    if (job.state === 'failed') this.deadLetters.push(job.id);
  }

  /** An attempt that ended well. */
  complete(job: MadeUpJob, attempt: number, afterMs: number): void {
    this.note(job, attempt, 'start', afterMs);
    this.note(job, attempt, 'end', afterMs + 1);
    this.note(job, attempt, 'accepted', afterMs + 2);
    job.attempt = attempt;
    job.state = 'completed';
    job.result = job.payload.kind === 'quick' ? { n: job.payload.n } : undefined;
  }

  evidence(): Evidence {
    const { log, deaths, acknowledged, rolledBack, hanging, faults, asked } = this;
    return {
      log,
      deaths,
      acknowledged,
      rolledBack,
      hanging,
      faults,
      asked,
      stored: {
        jobs: this.jobs as unknown as readonly Job<ChaosPayload>[],
        dlq: this.deadLetters.map((jobId) => ({ jobId }) as unknown as DlqEntry),
      },
    };
  }
}
