import type { HeartbeatResult } from '../cluster/cluster-store.js';
import type { RunId, WorkerId } from '../id/ids.js';
import { errorText } from '../observability/logger.js';
import type { Wake } from '../store/store.js';
import { Activation } from '../workflow/activation.js';
import type { ActivationEnd, ActivationHost } from '../workflow/activation-host.js';
import { bareCommit } from '../workflow/outbox.js';
import { callMethod } from '../workflow/call-method.js';
import type { RunCommit } from '../workflow/run-commit.js';
import type { ClaimedRun, HeldRun } from '../workflow/run-record.js';
import type { RunHistory } from '../workflow/workflow-store.js';
import type { LeaseCompanion, SharedLease } from './lease-companion.js';
import { type Claimed, LeasedLoop } from './leased-loop.js';
import { RunCommitter } from './run-committer.js';
import { RunEvents } from './run-events.js';
import type { RunWorkerOptions } from './run-worker-options.js';
import { StrayRuns } from './stray-runs.js';

/** Most runs of one commit. */
const COMMIT_BATCH = 500;
/** Most runs that one rescue frees, and events that one sweep looks at. */
const RESCUE_BATCH = 100;

interface Claim {
  readonly run: ClaimedRun;
  readonly suspect: boolean;
  readonly history: RunHistory | undefined;
}

/** Works on runs, under the lease of the job worker: claim -> activate -> commit. */
export class RunWorker implements LeaseCompanion {
  private readonly held = new Map<RunId, { readonly activation: Activation; readonly suspect: boolean }>();
  private readonly committer: RunCommitter;
  private readonly strays: StrayRuns;
  private readonly loop: LeasedLoop<Claim>;
  private readonly host: ActivationHost;
  private readonly events: RunEvents;
  private lease: SharedLease | undefined;
  private suspects = 0;
  private stopping = false;

  constructor(private readonly options: RunWorkerOptions) {
    const { store, clock, logger, leaseMs } = options;
    this.events = new RunEvents(options.emitter);
    this.committer = new RunCommitter({
      store,
      clock,
      maxBatch: COMMIT_BATCH,
      onError: (error, count) =>
        logger.error(`what ${count} runs have to write could not be written yet: ${errorText(error)}`),
    });
    const knows = ({ id, attempt }: HeldRun): boolean => this.held.get(id)?.activation.run.attempt === attempt;
    this.strays = new StrayRuns({ store, clock, logger, leaseMs, knows });
    this.loop = new LeasedLoop({
      clock,
      concurrency: options.concurrency,
      poll: { minMs: options.pollMs, maxMs: options.maxPollMs },
      claim: (free) => this.claim(free),
      start: (claim) => this.run(claim),
      onError: (error) => logger.error(`runs could not be claimed: ${errorText(error)}`),
    });
    this.host = {
      ...options,
      commit: async (run, commit) => {
        const committed = await this.committer.commit(run.workerId, commit);
        if (committed.kind === 'written') this.written(run, commit);
        return committed;
      },
      loadWaits: async (run) => (await store.loadWaits(run.workerId, [run])).get(run.id),
      transaction: (fn) => store.transaction(fn),
      commitWith: async (run, commit, transaction) =>
        (await store.commitRuns(run.workerId, [commit], { transaction })).lost.length === 0,
      committed: (run, commit) => this.events.committed(run, commit),
    };
  }

  /** How many runs are in memory. */
  get activeCount(): number {
    return this.loop.activeCount;
  }

  start(lease: SharedLease): void {
    this.lease = lease;
    this.loop.start();
  }

  kick(): void {
    this.loop.kick();
  }

  hear(wake: Wake): void {
    if (wake.kind === 'runs') {
      const mine = this.options.registry.workflows();
      if (wake.names.length === 0 || mine.some(({ name }) => wake.names.includes(name)))
        this.loop.kickIn(wake.inMs ?? 0);
    } else if (wake.kind === 'signal') {
      if (wake.runIds.length === 0) for (const { activation } of this.held.values()) activation.signal();
      else for (const id of wake.runIds) this.held.get(id)?.activation.signal();
    } else if (wake.kind === 'cancel-run') {
      const activation = this.held.get(wake.runId)?.activation;
      if (activation?.run.workerId === wake.workerId) this.cancel(activation);
    }
  }

  under(workerId: WorkerId): readonly HeldRun[] {
    const held: HeldRun[] = [];
    for (const { activation } of this.held.values()) {
      const { id, attempt, workerId: holder } = activation.run;
      if (holder === workerId) held.push({ id, attempt });
    }
    return held;
  }

  heed(asked: readonly HeldRun[], { lost, cancelRequested }: NonNullable<HeartbeatResult['runs']>): void {
    const attempts = new Map(asked.map(({ id, attempt }) => [id, attempt]));
    const meant = (id: RunId): Activation | undefined => {
      const activation = this.held.get(id)?.activation;
      return activation?.run.attempt === attempts.get(id) ? activation : undefined;
    };
    for (const id of lost) meant(id)?.lose();
    for (const id of cancelRequested) {
      const activation = meant(id);
      if (activation) this.cancel(activation);
    }
  }

  abandon(workerId: WorkerId): void {
    for (const { activation } of [...this.held.values()]) if (activation.run.workerId === workerId) activation.lose();
  }

  busyUntil(): number {
    const { stepTimeoutMs, abortGraceMs } = this.options;
    if (this.held.size === 0) return 0;
    return stepTimeoutMs === 0 ? Number.POSITIVE_INFINITY : Date.now() + stepTimeoutMs + abortGraceMs;
  }

  async rescue(): Promise<void> {
    const { store, registry, logger } = this.options;
    if (registry.workflows().length === 0) return;
    for (let freed = RESCUE_BATCH; freed === RESCUE_BATCH;) {
      const rescued = await store.rescueRuns({ limit: RESCUE_BATCH });
      freed = rescued.length;
      for (const { run, workerId } of rescued) {
        logger.warn(`run ${run.id} of "${run.name}" was taken back from worker ${workerId}, which died: ${run.state}`);
      }
    }
    while ((await store.matchEvents({ limit: RESCUE_BATCH })) === RESCUE_BATCH);
  }

  async stopClaiming(): Promise<void> {
    this.stopping = true;
    await this.loop.stopClaiming();
  }

  idle(): Promise<void> {
    return this.loop.idle();
  }

  release(): void {
    for (const { activation } of [...this.held.values()]) activation.release();
  }

  abort(): void {
    for (const { activation } of [...this.held.values()]) activation.abort();
  }

  lastWrites(): Promise<void> {
    return this.committer.idle();
  }

  dispose(): void {
    this.committer.dispose();
  }

  private async claim(free: number): Promise<Claimed<Claim>> {
    const { store, registry } = this.options;
    const workflows = registry.workflows();
    if (workflows.length === 0 || !this.lease) return { items: [], nextDueInMs: null };
    const workerId = this.lease.id;
    await this.strays.handBack(workerId);
    const suspectLimit = this.suspects > 0 ? 0 : 1;
    const result = await this.strays.watch(store.claimRuns({ workerId, workflows, limit: free, suspectLimit }));
    if (!result.workerAlive) {
      await this.lease.declaredDead(workerId);
      return { items: [], nextDueInMs: 0 };
    }
    const { runs, suspects, nextDueInMs } = result;
    const histories = await this.load(workerId, runs);
    const items = runs
      .filter(({ id, attempt }) => attempt === 1 || histories.has(id))
      .map((run) => ({ run, suspect: suspects.has(run.id), history: histories.get(run.id) }));
    return { items, nextDueInMs };
  }

  /** The histories of those that have one. Runs whose history cannot be had now are handed back. */
  private async load(workerId: WorkerId, runs: readonly ClaimedRun[]): Promise<ReadonlyMap<RunId, RunHistory>> {
    const begun = runs.filter(({ attempt }) => attempt > 1);
    if (begun.length === 0) return new Map();
    try {
      return await this.options.store.loadHistory(workerId, begun);
    } catch (error) {
      this.options.logger.error(`the histories of ${begun.length} runs could not be read: ${errorText(error)}`);
      for (const run of begun) {
        const next = { kind: 'retry', delayMs: 1_000, error: { name: 'Error', message: errorText(error) } } as const;
        this.committer.commit(workerId, { ...bareCommit(run), next }).catch(() => undefined);
      }
      return new Map();
    }
  }

  private run({ run, suspect, history }: Claim): void {
    const { registry, codecs, carrier } = this.options;
    const workflow = registry.get(run.name, run.version);
    const activation: Activation = new Activation({
      run,
      history,
      host: this.host,
      call: () => callMethod(activation, { workflow, registry, codecs, carrier }),
      onEnd: (end) => this.ended(activation, suspect, end),
    });
    this.held.set(run.id, { activation, suspect });
    if (suspect) this.suspects += 1;
    if (!workflow?.handler || this.stopping) activation.release();
    else {
      this.events.started(run);
      this.lease?.extend(this.busyUntil());
      activation.start();
    }
  }

  private ended(activation: Activation, suspect: boolean, end: ActivationEnd): void {
    const { id, name, attempt } = activation.run;
    if (this.held.get(id)?.activation === activation) this.held.delete(id);
    if (suspect) this.suspects -= 1;
    if (end === 'lost') {
      this.options.logger.warn(
        `run ${id} of "${name}" attempt ${attempt} lost its lease; what it did since is dropped`,
      );
    }
    this.loop.finished();
  }

  private written(run: ClaimedRun, commit: RunCommit): void {
    const { id, codec } = run;
    const { next } = commit;
    this.events.committed(run, commit);
    if (next?.kind === 'completed') {
      this.options.onRunEnded({ id, codec, state: 'completed', output: next.output, error: null });
    } else if (next?.kind === 'failed' || next?.kind === 'cancelled') {
      this.options.onRunEnded({ id, codec, state: next.kind, output: null, error: next.error });
    }
  }

  /** With or without undoing, as the one who asked said. */
  private cancel(activation: Activation): void {
    this.options.store.getRun(activation.run.id).then(
      (run) => activation.cancel(run?.cancelMode ?? 'compensate'),
      (error: unknown) => this.options.logger.warn(`a cancel request is looked up again: ${errorText(error)}`),
    );
  }
}
