import { AssertionError } from 'node:assert';
import { toMs } from '../../clock/duration.js';
import type { EngineParts } from '../../engine/engine.js';
import { type Job, toJob } from '../../job/job.js';
import type { ExpectedJob } from './expected-job.js';
import { matches } from './matches.js';
import { WaitingJobs } from './waiting-jobs.js';

/** Most jobs that a message shows. */
const SHOWN = 10;

/** Finds and asserts what was enqueued. */
export class EnqueuedJobs {
  constructor(private readonly parts: EngineParts) {}

  /** The jobs of this name that fit, oldest first. */
  async find(name: string, payload: unknown, expected: ExpectedJob): Promise<readonly Job[]> {
    return (await this.named(name)).filter((job) => fits(job, payload, expected));
  }

  /** @throws AssertionError that shows what was enqueued instead */
  async expect(name: string, payload: unknown, { count, ...expected }: ExpectedJob & { count?: number }): Promise<Job> {
    const found = await this.find(name, payload, expected);
    if (count === undefined ? found.length > 0 : found.length === count && count > 0) return found.at(-1)!;
    const wanted = `${count === undefined ? 'a job' : `${count} jobs`} ${described(name, payload, expected)}`;
    throw await this.failure(`expected ${wanted} to be enqueued, and found ${found.length}`, name, this.expect);
  }

  /** @throws AssertionError that shows the job */
  async expectNone(name: string, payload: unknown, expected: ExpectedJob): Promise<void> {
    const found = await this.find(name, payload, expected);
    if (found.length === 0) return;
    throw await this.failure(
      `expected no job ${described(name, payload, expected)} to be enqueued, and found ${found.length}`,
      name,
      this.expectNone,
    );
  }

  private async named(name?: string): Promise<readonly Job[]> {
    const rows = await new WaitingJobs(this.parts).list(name === undefined ? {} : { name });
    return rows.map((row) => toJob(row, this.parts.codecs));
  }

  private async failure(message: string, name: string, caller: (...args: never[]) => unknown): Promise<AssertionError> {
    const all = await this.named();
    const same = all.filter((job) => job.name === name);
    const lines = same.slice(-SHOWN).map((job) => `  ${shown(job)}`);
    const others = counts(all.filter((job) => job.name !== name));
    return new AssertionError({
      message: [
        `${message}.`,
        same.length === 0 ? `No job "${name}" was enqueued.` : `Enqueued as "${name}": ${same.length}`,
        ...lines,
        ...(others ? [`Other jobs: ${others}`] : []),
      ].join('\n'),
      stackStartFn: caller,
    });
  }
}

function fits(job: Job, payload: unknown, expected: ExpectedJob): boolean {
  const { delay, runAt, ...rest } = expected;
  if (payload !== undefined && !matches(job.payload, payload)) return false;
  if (runAt !== undefined && job.runAt.getTime() !== runAt.getTime()) return false;
  if (delay !== undefined && job.runAt.getTime() - job.createdAt.getTime() !== toMs(delay, 'delay')) return false;
  return matches(job, rest);
}

function described(name: string, payload: unknown, expected: ExpectedJob): string {
  const about = payload === undefined ? '' : ` with payload ${text(payload)}`;
  return `"${name}"${about}${Object.keys(expected).length > 0 ? ` and ${text(expected)}` : ''}`;
}

function shown({ id, state, queue, payload }: Job): string {
  return `${id} ${state} in "${queue}" ${text(payload)}`;
}

function counts(jobs: readonly Job[]): string {
  const byName = new Map<string, number>();
  for (const { name } of jobs) byName.set(name, (byName.get(name) ?? 0) + 1);
  return [...byName].map(([name, count]) => `${count} "${name}"`).join(', ');
}

function text(value: unknown): string {
  if (typeof value === 'function') return 'that fits a function';
  const json = JSON.stringify(value) ?? 'undefined';
  return json.length > 300 ? `${json.slice(0, 300)}...` : json;
}
