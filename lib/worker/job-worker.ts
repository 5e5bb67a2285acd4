import { within } from '../clock/within.js';
import { JobCancelledError, LeaseLostError, WorkerShutdownError } from '../errors.js';
import type { HeartbeatResult } from '../cluster/cluster-store.js';
import type { JobId, WorkerId } from '../id/ids.js';
import type { HeldJob } from '../job/job-store.js';
import { runInCleanContext } from '../scope/clean-context.js';
import type { Wake } from '../store/store.js';
import type { ClaimedJob } from '../job/job-record.js';
import type { Outcome, Settlement } from '../job/outcome.js';
import type { SlotOffers } from '../job/slot-offer.js';
import { errorText } from '../observability/logger.js';
import { HeldJobs } from './held-jobs.js';
import type { JobWorkerOptions } from './job-worker-options.js';
import { JobEvents } from './job-events.js';
import { JobExecutor } from './job-executor.js';
import { JobOffers } from './job-offers.js';
import { namesWithRoom } from './handler-slots.js';
import type { SharedLease } from './lease-companion.js';
import { LeaseKeeper } from './lease-keeper.js';
import { type Claimed, LeasedLoop } from './leased-loop.js';
import { Periodic } from './periodic.js';
import { QueueSlots } from './queue-slots.js';
import { Rescuer } from './rescuer.js';
import { Reporter } from './reporter.js';
import { RunningJob } from './running-job.js';
import { StrayJobs } from './stray-jobs.js';
import { Settler } from './settler.js';
import { WorkerIdentity } from './worker-identity.js';

/** Most outcomes of one statement. */
const SETTLE_BATCH = 1_000;
/** Claiming holds back while more outcomes than this wait to be written. */
const MAX_UNWRITTEN = 4_000;
/** How long progress and log lines are collected. */
const REPORT_WINDOW_MS = 250;
/** How long a stopping worker waits for a store that does not answer. */
const LAST_WRITES_MS = 5_000;

interface Claim {
  readonly job: ClaimedJob;
  readonly workerId: WorkerId;
  readonly suspect: boolean;
}

/**
 * Works on jobs: claim -> execute -> settle, with the lease of this process kept alive beside it and the jobs of
 * dead processes taken back. Composes the parts and holds no logic of theirs.
 */
export class JobWorker implements SharedLease {
  private readonly identity: WorkerIdentity;
  private readonly strays: StrayJobs;
  private readonly slots: QueueSlots;
  private readonly held = new HeldJobs();
  private readonly events: JobEvents;
  private readonly reporter: Reporter;
  private readonly executor: JobExecutor;
  private readonly settler: Settler<RunningJob>;
  private readonly loop: LeasedLoop<Claim>;
  /** Slots for jobs that this process enqueues itself. */
  readonly offers: SlotOffers & { readonly anyOpen: boolean };
  private readonly heartbeat: Periodic;
  private readonly rescuer: Rescuer;
  private readonly rescue: Periodic;
  private readonly lease: LeaseKeeper;
  private stopWakes: () => void = () => undefined;
  private stopping = false;
  private lateHeartbeat = false;

  constructor(private readonly options: JobWorkerOptions) {
    const { store, clock, emitter, codecs, logger, queues, concurrency, leaseMs, metadata } = options;
    this.slots = new QueueSlots(queues);
    this.identity = new WorkerIdentity({ store, queues: this.slots.names, concurrency, leaseMs, metadata });
    this.strays = new StrayJobs({ store, clock, logger, leaseMs, knows: (job) => this.held.has(job) });
    this.lease = new LeaseKeeper({ ...options, held: this.held });
    this.events = new JobEvents(emitter, codecs, () => clock.monotonic());
    this.reporter = new Reporter({
      store,
      clock,
      windowMs: REPORT_WINDOW_MS,
      onError: (error) => logger.warn(`progress or log lines were not written: ${errorText(error)}`),
    });
    this.executor = new JobExecutor({ ...options, onOutcome: (job, outcome) => this.ended(job, outcome) });
    this.settler = new Settler({
      store,
      clock,
      maxBatch: SETTLE_BATCH,
      windowMs: options.settleWindowMs,
      onSettled: (job, settlement, how) => this.settled(job, settlement, how),
      onSimplified: (job) => logger.error(`${label(job)}: the store refuses its result or error, which is left out`),
      onError: (error, count) => logger.error(`${count} job outcomes could not be written yet: ${errorText(error)}`),
    });
    this.loop = new LeasedLoop({
      clock,
      concurrency,
      poll: { minMs: options.pollMs, maxMs: options.maxPollMs },
      claim: (free) => this.claim(free),
      start: (claim) => this.run(claim),
      paused: () => this.settler.backlog > MAX_UNWRITTEN,
      onError: (error) => logger.error(`jobs could not be claimed: ${errorText(error)}`),
    });
    this.offers = new JobOffers({
      ...options,
      loop: this.loop,
      slots: this.slots,
      strays: this.strays,
      workerId: () => this.id,
      toItem: (job, workerId): Claim => ({ job, workerId, suspect: false }),
    });
    const periodic = (everyMs: number, keepAlive: boolean, what: string, task: () => Promise<void>): Periodic =>
      new Periodic({
        clock,
        everyMs,
        jitter: 0.1,
        keepAlive,
        task,
        onError: (error) => logger.error(`${what}: ${errorText(error)}`),
      });
    // A process that works on jobs lives on while it has none.
    this.heartbeat = periodic(options.heartbeatMs, true, 'the lease could not be renewed', () => {
      const beat = this.beat();
      beat.catch(() => (this.lateHeartbeat = true));
      return beat;
    });
    const rescuer = (this.rescuer = new Rescuer({ store, clock, events: this.events, logger }));
    this.rescue = periodic(leaseMs / 2, false, 'work of dead workers could not be freed', async () => {
      await rescuer.run();
      await options.companion?.rescue();
    });
  }

  /** The id this process holds its leases under; another one after it was declared dead. */
  get id(): WorkerId {
    return this.identity.id;
  }

  /** How many jobs are under way. */
  get activeCount(): number {
    return this.loop.activeCount;
  }

  /** Handlers came or went: look again for work. */
  kick(): void {
    this.loop.kick();
    this.options.companion?.kick();
  }

  /** Registers this process and starts to work. @throws StoreUnavailableError */
  async start(): Promise<void> {
    await this.identity.register();
    await this.lease.start(this.id);
    const { store, companion } = this.options;
    this.stopWakes = store.onWake((wake) => runInCleanContext(() => this.wake(wake)));
    this.heartbeat.start();
    this.rescue.start();
    this.loop.start();
    companion?.start(this);
    void this.rescue.runNow();
  }

  private wake(wake: Wake): void {
    this.options.companion?.hear(wake);
    if (wake.kind === 'cancel') {
      const job = this.held.get(wake.jobId);
      if (job?.workerId === wake.workerId) this.executor.stop(job, new JobCancelledError(job.id));
    } else if (wake.kind === 'ready' && this.slots.concerns(wake.queues)) {
      this.loop.kickIn(wake.inMs ?? 0);
    }
  }

  /**
   * Stops in stages: no more claims; jobs under way may go on for `shutdownMs`; then their signals fire and, after the
   * grace, they are handed back without costing a retry. Resolves when every outcome is written. Never rejects.
   */
  async stop(): Promise<void> {
    const { store, clock, shutdownMs, logger, companion } = this.options;
    this.stopping = true;
    const claimed = Promise.all([this.loop.stopClaiming(), companion?.stopClaiming()]);
    const idle = () => Promise.all([this.loop.idle(), companion?.idle()]);
    await within(clock, LAST_WRITES_MS, store.drainWorker(this.id)).catch((error: unknown) =>
      logger.warn(`the worker could not be marked as draining: ${errorText(error)}`),
    );
    await claimed;
    // A run may go on for days: it is handed back at once, but for the steps under way.
    companion?.release();
    await within<unknown>(clock, shutdownMs, idle()).catch(() => this.abortAll());
    await idle();
    await within(clock, LAST_WRITES_MS, this.lastWrites()).catch(() =>
      logger.error(
        `${this.settler.backlog} job outcomes could not be written before the end; their jobs will run again`,
      ),
    );
    this.stopWakes();
    this.executor.dispose();
    this.settler.dispose();
    companion?.dispose();
    await within(clock, LAST_WRITES_MS, this.leave()).catch((error: unknown) =>
      logger.warn(`the worker could not be deregistered: ${errorText(error)}`),
    );
  }

  private async lastWrites(): Promise<void> {
    await this.reporter.flush();
    await this.settler.idle();
    await this.options.companion?.lastWrites();
  }

  private async leave(): Promise<void> {
    await this.lease.stop();
    await this.heartbeat.stop();
    await this.rescue.stop();
    const runs = this.options.companion?.under(this.id) ?? [];
    const idle = this.held.count === 0 && runs.length === 0 && !this.strays.inDoubt;
    await this.options.store.deregisterWorker(this.id, { idle });
  }

  private abortAll(): void {
    this.options.companion?.abort();
    for (const job of this.held.all()) this.executor.stop(job, new WorkerShutdownError());
  }

  private async claim(free: number): Promise<Claimed<Claim>> {
    const { store, registry } = this.options;
    const { names, nameLimits } = namesWithRoom(registry, this.held);
    const queues = this.slots.free(free);
    if (names.length === 0 || queues.length === 0) return { items: [], nextDueInMs: null };
    // What is being handed off would pass for a stray; while a claim is on its way there are no new offers.
    if (!this.offers.anyOpen) await this.strays.handBack(this.id);
    const workerId = this.id;
    const suspectLimit = this.held.suspects > 0 ? 0 : 1;
    const request = { workerId, queues, names, nameLimits, limit: free, suspectLimit };
    const { jobs, suspects, nextDueInMs, workerAlive } = await this.strays.watch(store.claimJobs(request));
    if (!workerAlive) {
      await this.comeBack(workerId);
      return { items: [], nextDueInMs: 0 };
    }
    return { items: jobs.map((job) => ({ job, workerId, suspect: suspects.has(job.id) })), nextDueInMs };
  }

  private run({ job: claimed, workerId, suspect }: Claim): void {
    const job = new RunningJob(claimed, workerId, suspect, this.options.clock.monotonic(), this.reporter);
    const earlier = this.held.get(job.id);
    this.held.add(job);
    this.slots.take(job.queue);
    this.lease.began(job);
    if (this.stopping) {
      job.settled = true;
      this.ended(job, { kind: 'released' });
      return;
    }
    this.events.started(job, earlier);
    this.executor.run(job);
  }

  private ended(job: RunningJob, outcome: Outcome | null): void {
    this.slots.give(job.queue);
    this.held.ended(job);
    if (outcome) this.write(job, outcome);
    else this.drop(job);
    this.loop.finished();
  }

  private write(job: RunningJob, outcome: Outcome): void {
    const settlement: Settlement = { id: job.id, attempt: job.attempt, outcome };
    const pending = { workerId: job.workerId, settlement, item: job };
    if (this.reporter.has(job)) void this.reporter.flush().then(() => this.settler.add(pending));
    else this.settler.add(pending);
  }

  private settled(job: RunningJob, settlement: Settlement, how: 'written' | 'lost' | 'cancelled'): void {
    if (how === 'lost') return this.drop(job);
    this.held.remove(job);
    if (how === 'cancelled') return this.events.cancelled(job);
    this.events.settled(job, settlement, job.thrown);
    this.logFailure(job, settlement.outcome);
  }

  private drop(job: RunningJob): void {
    this.held.remove(job);
    this.options.logger.warn(`${label(job)} lost its lease; its result is dropped`);
    this.events.lost(job);
  }

  private logFailure(job: RunningJob, outcome: Outcome): void {
    const { logger } = this.options;
    if (outcome.kind === 'retry') {
      logger.warn(`${label(job)} failed and will be retried in ${outcome.delayMs} ms: ${outcome.error.message}`);
    } else if (outcome.kind === 'failed') {
      logger.error(
        `${label(job)} failed for good and is in the dead-letter queue: ${outcome.error.message}`,
        outcome.error.stack,
      );
    }
  }

  /** Renews the lease and acts on what the store says about the jobs under way. */
  private async beat(): Promise<void> {
    const { store, leaseMs, companion } = this.options;
    const workerId = this.id;
    const running = this.held.under(workerId);
    const runs = companion?.under(workerId) ?? [];
    this.lease.beating();
    const result = await store.heartbeat({ workerId, leaseMs, running, ...(runs.length > 0 ? { runs } : {}) });
    this.lease.renewed();
    if (result.lost.length > 0 || result.cancelRequested.length > 0) this.heed(running, result);
    if (result.runs) companion?.heed(runs, result.runs);
    if (!result.alive) await this.comeBack(workerId);
    // While the lease was over, claims got nothing.
    else if (this.lateHeartbeat) this.kick();
    this.lateHeartbeat = false;
    if (!result.mayRescue) return;
    this.rescuer.expect();
    void this.rescue.runNow();
  }

  /** The answer is about the attempts that were asked about: meanwhile this worker may have claimed a job anew. */
  private heed(asked: readonly HeldJob[], { lost, cancelRequested }: HeartbeatResult): void {
    const attempts = new Map(asked.map(({ id, attempt }) => [id, attempt]));
    const stop = (id: JobId, reason: Error): void => {
      const job = this.held.get(id);
      if (job && job.attempt === attempts.get(id)) this.executor.stop(job, reason);
    };
    for (const id of lost) stop(id, new LeaseLostError(id));
    for (const id of cancelRequested) stop(id, new JobCancelledError(id));
  }

  extend(until: number): void {
    this.lease.extend(until);
  }

  /** Whoever shares the lease was told that it is over. */
  declaredDead(id: WorkerId): Promise<void> {
    return this.comeBack(id);
  }

  /** This process was declared dead: what it held belongs to others, and it goes on under a new id. */
  private async comeBack(dead: WorkerId): Promise<void> {
    if (this.stopping || dead !== this.id) return;
    this.options.logger.warn(`worker ${dead} was declared dead, as its lease had expired; it goes on under a new id`);
    for (const job of this.held.all()) if (job.workerId === dead) this.executor.stop(job, new LeaseLostError(job.id));
    this.options.companion?.abandon(dead);
    await this.identity.register();
    await this.lease.start(this.id);
    this.kick();
  }
}

function label(job: RunningJob): string {
  return `job ${job.id} "${job.name}" attempt ${job.attempt}`;
}
