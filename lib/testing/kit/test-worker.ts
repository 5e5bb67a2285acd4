import { systemClock } from '../../clock/system-clock.js';
import type { EngineParts } from '../../engine/engine.js';
import { JobCancelledError } from '../../errors.js';
import type { ClaimedJob } from '../../job/job-record.js';
import type { Outcome } from '../../job/outcome.js';
import { errorText } from '../../observability/logger.js';
import { JobEvents } from '../../worker/job-events.js';
import { Reporter } from '../../worker/reporter.js';
import { Rescuer } from '../../worker/rescuer.js';
import { RunningJob } from '../../worker/running-job.js';
import { WorkerIdentity } from '../../worker/worker-identity.js';
import { AttemptRunner } from './attempt-runner.js';
import type { CrashPlan } from './crash-plan.js';
import { type JobOutcome, type JobRun, toJobOutcome } from './job-outcome.js';
import type { WaitingJobs } from './waiting-jobs.js';

/** How long listeners of what happened may take, in milliseconds of real time. */
const LISTENERS_MS = 5_000;

interface Claim {
  readonly job: ClaimedJob;
  readonly suspect: boolean;
  readonly worker: WorkerIdentity;
}

/**
 * Runs due jobs one after the other, in the order in which workers claim them. Each has a worker of its own, so that
 * one that crashes takes no other along.
 */
export class TestWorker {
  constructor(
    private readonly parts: EngineParts,
    private readonly waiting: WaitingJobs,
    private readonly crashes: CrashPlan,
  ) {}

  /** Frees what dead workers held, then runs what is due: not what is enqueued meanwhile. */
  async round(): Promise<readonly JobRun[]> {
    const { store, emitter, codecs, clock, logger } = this.parts;
    const events = new JobEvents(emitter, codecs, () => clock.monotonic());
    await new Rescuer({ store, clock, events, logger }).run();
    const claims = await this.claimAll();
    const runs: JobRun[] = [];
    for (const claim of claims) runs.push(await this.run(claim, events));
    await emitter.settled(systemClock, LISTENERS_MS);
    return runs;
  }

  private async claimAll(): Promise<readonly Claim[]> {
    const names = this.parts.registry.names();
    const queues = await this.waiting.queues();
    const claims: Claim[] = [];
    if (names.length === 0 || queues.length === 0) return claims;
    for (;;) {
      const worker = await this.register(queues);
      const request = {
        workerId: worker.id,
        names,
        queues: queues.map((queue) => ({ queue, limit: 1 })),
        limit: 1,
        suspectLimit: 1,
      };
      const { jobs, suspects } = await this.parts.store.claimJobs(request);
      const [job] = jobs;
      if (!job) {
        await this.parts.store.deregisterWorker(worker.id);
        return claims;
      }
      claims.push({ job, suspect: suspects.has(job.id), worker });
    }
  }

  private async register(queues: readonly string[]): Promise<WorkerIdentity> {
    const { store, leaseMs, metadata } = this.parts;
    const worker = new WorkerIdentity({ store, queues, concurrency: 1, leaseMs, metadata });
    await worker.register();
    return worker;
  }

  private async run({ job: claimed, suspect, worker }: Claim, events: JobEvents): Promise<JobRun> {
    const { store, clock, logger } = this.parts;
    const reporter = new Reporter({
      store,
      clock,
      windowMs: 0,
      onError: (error) => logger.warn(`progress or log lines were not written: ${errorText(error)}`),
    });
    const job = new RunningJob(claimed, worker.id, suspect, clock.monotonic(), reporter);
    const { id, name, queue, attempt } = job;
    const outcome = await this.attempt(job, reporter, events);
    if (outcome.kind !== 'crashed') await store.deregisterWorker(worker.id);
    return { id, name, queue, attempt, payload: job.payload, outcome };
  }

  private async attempt(job: RunningJob, reporter: Reporter, events: JobEvents): Promise<JobOutcome> {
    const { store, codecs } = this.parts;
    const crash = this.crashes.take(job.name);
    if (crash === 'before-handler') return { kind: 'crashed' };
    const runner = new AttemptRunner(this.parts);
    const stopWakes = store.onWake((wake) => {
      if (wake.kind === 'cancel' && wake.jobId === job.id) runner.stop(job, new JobCancelledError(job.id));
    });
    events.started(job);
    const outcome = await runner.run(job);
    stopWakes();
    runner.dispose();
    await reporter.flush();
    if (crash === 'after-handler') return { kind: 'crashed' };
    const shown = toJobOutcome(job, outcome, codecs);
    if (!outcome) return shown;
    return (await this.settle(job, outcome, events)) ?? shown;
  }

  /** @returns what became of the job instead, if it was lost or cancelled meanwhile */
  private async settle(job: RunningJob, outcome: Outcome, events: JobEvents): Promise<JobOutcome | undefined> {
    const settlement = { id: job.id, attempt: job.attempt, outcome };
    const { lost, cancelled } = await this.parts.store.settleJobs(job.workerId, [settlement]);
    if (lost.length > 0) {
      events.lost(job);
      return { kind: 'lost' };
    }
    if (cancelled.length > 0) {
      events.cancelled(job);
      return { kind: 'cancelled', reason: undefined };
    }
    events.settled(job, settlement, job.thrown);
    return undefined;
  }
}
