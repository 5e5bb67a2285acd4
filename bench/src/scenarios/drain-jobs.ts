import { setTimeout as delay } from 'node:timers/promises';
import type { Config, WorkFor } from '../peers/peer.ts';
import type { AgentProcess } from '../process/agent-process.ts';
import type { JobRange } from '../process/protocol.ts';
import { processorTimeUs } from '../servers/processor-time.ts';
import type { Bench } from './scenario.ts';

/** A drain that makes no progress for this long has failed. */
const STUCK_MS = 60_000;

export interface DrainPlan {
  readonly jobs: number;
  readonly workers: number;
  readonly purpose: WorkFor;
  /** Every how many-th job fails, for good. */
  readonly failEvery?: number;
  /** Further settings of the workers. */
  readonly more?: Config;
}

export interface Drained {
  readonly jobsPerSecond: number;
  /** Processor time per job in all worker processes, microseconds. */
  readonly workerUsPerJob: number;
  /** Processor time per job in the server, microseconds; null where there is none or it cannot be told. */
  readonly serverUsPerJob: number | null;
  /** Of the biggest worker. */
  readonly peakRssBytes: number;
}

/**
 * Enqueues jobs, then lets new worker processes drain them. The clock runs from the first handler's call until the store
 * says that nothing is open; then every job is checked to have been handled exactly once, and to have ended as it should.
 *
 * @param producer has prepared the peer; with a store inside one process it is the worker, too
 */
export async function drainJobs(bench: Bench, producer: AgentProcess, plan: DrainPlan): Promise<Drained> {
  const before = await producer.call('ended');
  const range: JobRange = {
    from: 0,
    count: plan.jobs,
    ...(plan.failEvery === undefined ? {} : { failEvery: plan.failEvery }),
  };
  bench.show(`enqueuing ${plan.jobs} jobs`);
  await producer.call('enqueueBulk', range);
  if (bench.server && bench.url !== undefined) await bench.server.settle(bench.url);
  const inside = bench.peer === 'dispatch-memory';
  const workers = inside
    ? [producer]
    : await Promise.all(Array.from({ length: plan.workers }, () => bench.agent(plan.purpose, plan.more)));

  bench.show(`draining ${plan.jobs} jobs`);
  const cpuBefore = await Promise.all(workers.map((worker) => worker.call('usage')));
  const serverBefore = bench.server ? processorTimeUs(bench.server.pid) : null;
  await Promise.all(workers.map((worker) => worker.call('work', { total: plan.jobs })));
  await handledAll(workers, plan.jobs);
  const endedAt = await settled(producer);
  const startedAt = workers
    .flatMap(({ progress }) => (progress ? [progress.firstAt] : []))
    .reduce((first, at) => (at < first ? at : first));
  const serverAfter = bench.server ? processorTimeUs(bench.server.pid) : null;
  const usage = await Promise.all(workers.map((worker) => worker.call('usage')));

  await Promise.all(workers.map((worker) => worker.call('stopWork')));
  await checkEach(workers, plan.jobs);
  await checkEnded(producer, plan, before);
  if (!inside) await Promise.all(workers.map((worker) => worker.close()));
  const workerUs = usage.reduce((sum, { cpuUs }, index) => sum + cpuUs - cpuBefore[index]!.cpuUs, 0);
  return {
    jobsPerSecond: plan.jobs / (Number(endedAt - startedAt) / 1e9),
    workerUsPerJob: workerUs / plan.jobs,
    serverUsPerJob: serverBefore === null || serverAfter === null ? null : (serverAfter - serverBefore) / plan.jobs,
    peakRssBytes: Math.max(...usage.map(({ peakRssBytes }) => peakRssBytes)),
  };
}

/** Waits until workers have handled so many jobs between them. @throws when nothing happens for a minute */
export async function handledAll(workers: readonly AgentProcess[], total: number): Promise<void> {
  let last = -1;
  let movedAt = performance.now();
  for (;;) {
    const handled = handledBy(workers);
    if (handled >= total) return;
    if (handled !== last) {
      last = handled;
      movedAt = performance.now();
    }
    const patience = movedAt + STUCK_MS - performance.now();
    if (patience <= 0) throw new Error(`only ${handled} of ${total} jobs were handled, and nothing happens any more.`);
    await moved(workers, patience);
  }
}

export function handledBy(workers: readonly AgentProcess[]): number {
  return workers.reduce((sum, { progress }) => sum + (progress?.handled ?? 0), 0);
}

/** Waits until the store says that nothing is open. @returns when it was asked, in nanoseconds */
export async function settled(producer: AgentProcess): Promise<bigint> {
  const giveUpAt = performance.now() + STUCK_MS;
  for (;;) {
    const { open, askedAt } = await producer.call('openJobs');
    if (open === 0) return BigInt(askedAt);
    if (performance.now() > giveUpAt) throw new Error(`${open} jobs were handled but not settled within a minute.`);
    await delay(1);
  }
}

async function moved(workers: readonly AgentProcess[], patienceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, patienceMs);
    for (const worker of workers) {
      worker.onProgress = () => {
        clearTimeout(timer);
        resolve();
      };
    }
  });
  for (const worker of workers) worker.throwIfEnded();
}

/** @throws when a job was not handled, or more than once, though nothing failed */
export async function checkEach(workers: readonly AgentProcess[], jobs: number): Promise<void> {
  const seen = (await Promise.all(workers.map((worker) => worker.call('seen')))).map((text) =>
    Buffer.from(text, 'base64'),
  );
  let missing = 0;
  let again = 0;
  for (let n = 0; n < jobs; n++) {
    const times = seen.reduce((sum, counts) => sum + (counts[n] ?? 0), 0);
    if (times === 0) missing++;
    else if (times > 1) again++;
  }
  if (missing > 0 || again > 0) throw new Error(`of ${jobs} jobs, ${missing} were never handled and ${again} again.`);
}

async function checkEnded(
  producer: AgentProcess,
  { jobs, failEvery }: DrainPlan,
  before: { readonly completed: number | null; readonly failed: number | null },
): Promise<void> {
  const after = await producer.call('ended');
  const failed = failEvery === undefined ? 0 : Math.floor(jobs / failEvery);
  const wanted = { completed: jobs - failed, failed };
  for (const state of ['completed', 'failed'] as const) {
    const [from, to] = [before[state], after[state]];
    if (from === null || to === null) continue;
    if (to - from !== wanted[state]) {
      throw new Error(`the store says that ${to - from} jobs are ${state}, and ${wanted[state]} should be.`);
    }
  }
}
