import { setTimeout as pause } from 'node:timers/promises';
import type { DispatchService } from '../../../lib/index.js';
import type { Child } from './child-process.js';

const ATTEMPTS = 100;
const SETTLE_MS = 100;

/**
 * Kills a worker with SIGKILL at a moment when it holds jobs. It is stopped first, so that what it is seen to hold
 * cannot end in between.
 *
 * @returns how many jobs it held
 * @throws Error when it never holds any
 */
export async function killWhileWorking(worker: Child, dispatch: DispatchService): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    worker.signal('SIGSTOP');
    // What it sent to the database before it was stopped may still be written.
    await pause(SETTLE_MS);
    const held = await heldJobs(worker.pid, dispatch);
    if (held > 0) {
      await worker.kill();
      return held;
    }
    worker.signal('SIGCONT');
    await pause(20);
  }
  throw new Error(`${worker.name} held no jobs, so that killing it would show nothing`);
}

async function heldJobs(pid: number, dispatch: DispatchService): Promise<number> {
  const ids = new Set((await dispatch.workers()).filter((worker) => worker.pid === pid).map(({ id }) => id));
  const { jobs } = await dispatch.jobs.list({ states: ['running'], limit: 1_000 });
  return jobs.filter(({ workerId }) => workerId !== undefined && ids.has(workerId)).length;
}
