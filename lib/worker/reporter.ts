import type { Clock, Timer } from '../clock/clock.js';
import type { JobId, WorkerId } from '../id/ids.js';
import type { JobLogLine, JobReport, JobStore } from '../job/job-store.js';
import type { ReportSink, RunningJob } from './running-job.js';

export interface ReporterOptions {
  readonly store: Pick<JobStore, 'reportJobs'>;
  readonly clock: Clock;
  /** How long reports are collected before they are written, in milliseconds. */
  readonly windowMs: number;
  readonly onError: (error: unknown) => void;
}

/** Most log lines kept of one attempt; later ones are dropped. */
const MAX_LINES = 1_000;
const MAX_LINE_CHARS = 4_096;
const MAX_PROGRESS_CHARS = 16_384;

interface Draft {
  readonly workerId: WorkerId;
  readonly id: JobId;
  readonly attempt: number;
  progress?: string;
  logs: JobLogLine[];
}

/** Collects progress and log lines of running jobs and writes them in batches. Losing some on a crash is accepted. */
export class Reporter implements ReportSink {
  private drafts = new Map<RunningJob, Draft>();
  /** Drafts that are on their way to the store. */
  private underway: ReadonlyMap<RunningJob, Draft> = new Map();
  /** The write that takes the drafts once the one before it is over. */
  private next: Promise<void> | undefined;
  private readonly lineCounts = new WeakMap<RunningJob, number>();
  private timer: Timer | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly options: ReporterOptions) {}

  progress(job: RunningJob, value: unknown): void {
    let text: string | undefined;
    try {
      text = JSON.stringify(value);
    } catch (error) {
      this.options.onError(error);
      return;
    }
    if (text !== undefined && text.length <= MAX_PROGRESS_CHARS) this.draft(job).progress = text;
    else
      this.options.onError(new TypeError(`progress must be a JSON value of at most ${MAX_PROGRESS_CHARS} characters`));
  }

  log(job: RunningJob, line: JobLogLine): void {
    const count = (this.lineCounts.get(job) ?? 0) + 1;
    if (count > MAX_LINES) return;
    this.lineCounts.set(job, count);
    const message = line.message.replaceAll('\u0000', '').slice(0, MAX_LINE_CHARS);
    this.draft(job).logs.push({ level: line.level, message });
  }

  /** Whether reports of this job wait to be written: they must be, before the job is settled and its fence is gone. */
  has(job: RunningJob): boolean {
    return this.drafts.has(job) || this.underway.has(job);
  }

  /** Writes what has been collected; what comes while another write is on its way goes in one with it. Never rejects. */
  flush(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    if (this.drafts.size === 0) return this.writing;
    this.next ??= this.writing = this.writing.then(() => this.writeDrafts());
    return this.next;
  }

  private async writeDrafts(): Promise<void> {
    this.next = undefined;
    this.underway = this.drafts;
    this.drafts = new Map();
    await this.write([...this.underway.values()]);
    this.underway = new Map();
  }

  private async write(drafts: readonly Draft[]): Promise<void> {
    for (const workerId of new Set(drafts.map((draft) => draft.workerId))) {
      const reports: JobReport[] = drafts.filter((draft) => draft.workerId === workerId);
      await this.options.store.reportJobs(workerId, reports).catch((error: unknown) => this.options.onError(error));
    }
  }

  private draft(job: RunningJob): Draft {
    let draft = this.drafts.get(job);
    if (!draft) {
      draft = { workerId: job.workerId, id: job.id, attempt: job.attempt, logs: [] };
      this.drafts.set(job, draft);
    }
    this.timer ??= this.options.clock.setTimer(this.options.windowMs, () => void this.flush());
    return draft;
  }
}
