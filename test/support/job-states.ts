import type { Engine } from '../../lib/engine/engine.js';
import type { JobState } from '../../lib/job/job-state.js';
import type { Job } from '../../lib/job/job.js';
import { until } from './until.js';

/** Waits until a job is in a state, and returns it. */
export async function reached(engine: Engine, id: string, state: JobState): Promise<Job> {
  let last: Job | null = null;
  try {
    return await until(`job ${id} is ${state}`, async () => {
      last = await engine.jobs.get(id);
      return last?.state === state ? last : null;
    });
  } catch (cause) {
    const job = last as Job | null;
    const found = job ? `${job.state}, attempt ${job.attempt}, errors ${JSON.stringify(job.errors)}` : 'not there';
    throw new Error(`${(cause as Error).message} (it is ${found})`, { cause });
  }
}

/** Options that keep a worker from finding anything by looking for it: only wake-ups and timers are left. */
export const NO_POLLING = { pollInterval: '10m', maxPollInterval: '10m' } as const;

/** Options that make a worker look every few milliseconds. */
export const FAST_POLLING = { pollInterval: 20, maxPollInterval: 20 } as const;

/** Options of a worker that notices dead workers every few milliseconds. */
export const FAST_RESCUE = { heartbeat: 40, lease: 100 } as const;

/** Retries follow at once. */
export const AT_ONCE = { type: 'constant', initial: 0 } as const;
