import type { EngineParts } from '../../engine/engine.js';
import type { JobRecord, JobFacts } from '../../job/job-record.js';
import type { JobFilter } from '../../job/job-store.js';

/** Rows of one page. */
const PAGE = 1_000;

/** Looks at the rows of a test's store, whatever the current scope. */
export class WaitingJobs {
  constructor(private readonly parts: Pick<EngineParts, 'store' | 'registry' | 'queues'>) {}

  /** Every job that matches, oldest first. */
  async list(filter: JobFilter = {}): Promise<readonly JobRecord[]> {
    const found: JobRecord[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.parts.store.listJobs({ ...filter, order: 'asc', limit: PAGE, ...(cursor && { cursor }) });
      found.push(...page.jobs);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return found;
  }

  /** The queues in which jobs wait: those that the engine works on in its order, then the others by name. */
  async queues(): Promise<readonly string[]> {
    const waiting = new Set((await this.runnable()).map(({ queue }) => queue));
    const own = this.parts.queues.map(({ name }) => name).filter((name) => waiting.has(name));
    return [...own, ...[...waiting].filter((name) => !own.includes(name)).sort()];
  }

  /** When the next waiting job is due, or the next lease of a crashed one ends; epoch milliseconds. */
  async nextDue(now: number): Promise<number | undefined> {
    const times = (await this.runnable()).map(({ runAt }) => runAt);
    const running = new Set((await this.list({ states: ['running'] })).map(({ workerId }) => workerId));
    for (const { id, leaseExpiresAt } of await this.parts.store.listWorkers()) {
      if (running.has(id)) times.push(leaseExpiresAt);
    }
    return times.filter((time) => time > now).sort((a, b) => a - b)[0];
  }

  private async runnable(): Promise<readonly (JobFacts & Pick<JobRecord, 'runAt'>)[]> {
    const names = new Set(this.parts.registry.names());
    return (await this.list({ states: ['pending', 'retrying'] })).filter(({ name }) => names.has(name));
  }
}
