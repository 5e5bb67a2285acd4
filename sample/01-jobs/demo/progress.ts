import type { DispatchService, JobState } from '../../../lib/index.js';

type Counts = Readonly<Record<JobState, number>>;

/** How far the jobs are, as one line of text. */
export class Progress {
  private readonly samples: { readonly at: number; readonly ended: number }[] = [];

  constructor(
    private readonly total: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The line for these counts; the rate is that of the last two seconds. */
  line(counts: Counts): string {
    const ended = endedOf(counts);
    const at = this.now();
    this.samples.push({ at, ended });
    while (this.samples.length > 2 && at - (this.samples[0]?.at ?? at) > 2_000) this.samples.shift();
    const first = this.samples[0] ?? { at, ended };
    const rate = at > first.at ? ((ended - first.ended) * 1_000) / (at - first.at) : 0;
    const figure = (value: number, what: string): string => `${String(value).padStart(4)} ${what}`;
    return [
      figure(counts.completed, `of ${this.total} done`),
      figure(counts.running, 'running'),
      figure(counts.retrying, 'retrying'),
      figure(counts.failed, 'failed'),
      figure(Math.round(rate), 'jobs/s'),
    ].join('  ');
  }
}

/** How many jobs have ended, one way or the other. */
export function endedOf(counts: Counts): number {
  return counts.completed + counts.failed + counts.cancelled;
}

/** Shows a line that changes on a terminal, and a new line every second elsewhere. */
export class LiveLine {
  private shownAt = Number.NEGATIVE_INFINITY;
  private open = false;

  constructor(private readonly out: NodeJS.WriteStream) {}

  update(text: string): void {
    const at = performance.now();
    if (this.out.isTTY) {
      this.out.write(`\r\x1b[K${text}`);
      this.open = true;
    } else if (at - this.shownAt >= 1_000) {
      this.shownAt = at;
      this.out.write(`${text}\n`);
    }
  }

  /** Ends the changing line and writes one that stays. */
  note(text: string): void {
    this.out.write(this.open ? `\r\x1b[K${text}\n` : `${text}\n`);
    this.open = false;
  }
}

/** Counts the jobs again and again, shows where they stand, and resolves when all of them have ended. */
export async function watchJobs(
  dispatch: DispatchService,
  total: number,
  live: LiveLine,
  onCounts: (counts: Counts) => void,
): Promise<void> {
  const progress = new Progress(total);
  for (;;) {
    const counts = await dispatch.jobs.counts();
    live.update(progress.line(counts));
    onCounts(counts);
    if (endedOf(counts) >= total) {
      live.note(progress.line(counts));
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
