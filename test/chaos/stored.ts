import type { DlqEntry } from '../../lib/dlq/dlq-entry.js';
import type { Engine } from '../../lib/engine/engine.js';
import type { Job } from '../../lib/job/job.js';
import type { ChaosPayload } from './plan.js';

/** What the store holds in the end. */
export interface Stored {
  readonly jobs: readonly Job<ChaosPayload>[];
  readonly dlq: readonly DlqEntry[];
}

const PAGE = 1_000;

/** Reads every job and every dead-letter entry. */
export async function readStored(engine: Engine): Promise<Stored> {
  const jobs: Job<ChaosPayload>[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await engine.jobs.list({ limit: PAGE, order: 'asc', ...(cursor === undefined ? {} : { cursor }) });
    jobs.push(...(page.jobs as Job<ChaosPayload>[]));
    if (page.nextCursor === undefined) break;
    cursor = page.nextCursor;
  }
  const dlq: DlqEntry[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await engine.dlq.list({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    dlq.push(...page.entries);
    if (page.nextCursor === undefined) break;
    cursor = page.nextCursor;
  }
  return { jobs, dlq };
}
