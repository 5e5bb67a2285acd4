import type { Timer } from '../clock/clock.js';
import { LeaseLostError, WorkerShutdownError } from '../errors.js';
import { toErrorRecord } from '../job/job-error.js';
import { errorText } from '../observability/logger.js';
import type { ActivationEnd, ActivationHost } from './activation-host.js';
import { type NewCheckpoint, undoKeyOf } from './checkpoint.js';
import { type Compensation, Compensations } from './compensations.js';
import { Deliveries } from './deliveries.js';
import { Outbox, bareCommit } from './outbox.js';
import { PARKED, turn } from './parked.js';
import { type Made, madeOf } from './made.js';
import { Parking } from './parking.js';
import { Replay } from './replay.js';
import type { NextState } from './run-commit.js';
import { RunValues } from './run-values.js';
import type { CancelMode, ClaimedRun } from './run-record.js';
import { type StepEnd, type StepHost, StepRunner } from './step-runner.js';
import { type Turn, cancelTurn, timeoutTurn, turnOfClaim } from './turns.js';
import { WaitBoard, type WaitRequest, type WaitResult } from './wait-board.js';
import type { RunHistory } from './workflow-store.js';
import { RunEndedError, WorkflowMismatchError } from './workflow-errors.js';

export interface ActivationOptions {
  readonly run: ClaimedRun;
  /** Left out for a run that was never activated before. */
  readonly history: RunHistory | undefined;
  readonly host: ActivationHost;
  /** Calls the method. */
  readonly call: () => unknown;
  /** Called once, when nothing more happens. */
  readonly onEnd: (end: ActivationEnd) => void;
}

/**
 * `forward`: the method runs. `turning`: it does not go on; what is under way comes to its end. `undoing`: steps are undone.
 * `over`: where the run goes is being written, or is.
 */
type Phase = 'forward' | 'turning' | 'undoing' | 'over';

/** One activation of a run: from its claim until the run has ended, is parked or is given up. */
export class Activation extends RunValues implements StepHost {
  readonly outbox: Outbox;
  readonly board: WaitBoard;
  readonly replay: Replay;
  readonly steps = new StepRunner(this);
  readonly compensations = new Compensations();
  /** What the method is raced with: resolves when the run is let go. */
  readonly parked: Promise<typeof PARKED>;
  /** The last `seq` that the method knows. */
  knownSeq = 0;
  private readonly deliveries = new Deliveries(() => this.rest());
  private readonly begunAt: number;
  private phase: Phase = 'forward';
  private seq: number;
  private busy = 0;
  private readonly parking: Parking;
  private deadline: Timer | undefined;
  private resolveParked: (mark: typeof PARKED) => void = () => undefined;
  private replaying: Promise<boolean> = Promise.resolve(true);
  /** What it will do once the replay is over, other than go on. */
  private turn: Turn | undefined;
  private ended = false;
  private status: string | null;

  constructor(private readonly options: ActivationOptions) {
    const { run, history, host } = options;
    super(run, host);
    this.begunAt = host.clock.monotonic();
    this.outbox = new Outbox(
      run,
      (commit) => host.commit(run, commit),
      (error) => (error === undefined ? this.lose() : void this.refused(error)),
    );
    this.board = new WaitBoard(this.outbox, history);
    this.parking = new Parking({
      run,
      host,
      board: this.board,
      outbox: this.outbox,
      isAtRest: () => this.isAtRest,
      park: () => this.park(),
      lose: () => this.lose(),
    });
    const records = history?.checkpoints ?? [];
    this.seq = records.at(-1)?.seq ?? 0;
    this.status = run.status;
    this.replay = new Replay({
      records,
      onDelivery: ({ seq }) => (this.knownSeq = seq),
      skipsUndo: run.state === 'compensating',
    });
    this.parked = new Promise((resolve) => (this.resolveParked = resolve));
  }

  get isClosed(): boolean {
    return this.phase !== 'forward';
  }

  get isEnding(): boolean {
    return this.phase === 'turning' || this.phase === 'over';
  }

  /** The store's time, about: from when it handed the run out. The clock of this process may be off. */
  get now(): number {
    return this.run.claimedAt + Math.max(0, Math.round(this.host.clock.monotonic() - this.begunAt));
  }

  /** Begins. What happens is told by `onEnd`. */
  start(): void {
    const { run, host, call } = this.options;
    this.turn = turnOfClaim(run);
    if (this.turn) this.replay.recordsOnly();
    const left = run.deadlineAt === null ? null : run.deadlineAt - run.claimedAt;
    if (!this.turn && left !== null) {
      this.deadline = host.clock.setTimer(
        left,
        () => this.phase === 'forward' && this.turnTo(timeoutTurn(run.timeoutMs)),
      );
    }
    this.replaying = this.replay.run().then(
      () => true,
      (error: unknown) => {
        this.stick(error);
        return false;
      },
    );
    const method = (async () => Promise.race([call(), this.parked]))();
    method
      .then(
        (value) => (value === PARKED ? undefined : this.returned(value)),
        (thrown: unknown) => this.threw(thrown),
      )
      .catch((error: unknown) => this.fail(error));
    void this.replaying.then((fits) => {
      if (!fits || this.phase !== 'forward') return;
      if (this.status !== null && this.status !== run.status) this.outbox.setStatus(this.status);
      if (this.turn) void this.turnAround(this.turn);
      else this.rest();
    });
  }

  /** Somebody asked to cancel the run. */
  cancel(mode: CancelMode): void {
    // Undoing goes on, unless it is to stop.
    if (this.isEnding || (this.phase === 'undoing' && mode === 'compensate')) return;
    this.turnTo(cancelTurn(this.run.id, mode === 'compensate'));
  }

  /** The process shuts down: hands the run back when the steps under way have ended, which may take until {@link abort}. */
  release(): void {
    if (this.isEnding) return;
    this.phase = 'turning';
    this.letGo();
    void this.steps
      .settled()
      .then(turn)
      .then(() => this.end({ kind: 'released' }));
  }

  /** There is no time left for steps under way. */
  abort(): void {
    void this.steps.stopAll(new WorkerShutdownError());
  }

  /** The lease is lost: whatever is under way counts no more. */
  lose(): void {
    if (this.phase === 'over') this.outbox.close();
    void this.steps.stopAll(new LeaseLostError(this.run.id));
    this.over('lost');
  }

  /** Something has come that the run may wait for. */
  signal(): void {
    if (this.board.size > 0 && this.replay.isOver && !this.isEnding) void this.parking.reload();
  }

  // What the operations of the run's context are made of.

  barrier(): Promise<void> {
    return this.outbox.barrier();
  }

  async work<T>(fn: () => Promise<T>): Promise<T> {
    this.busy += 1;
    this.parking.stir();
    try {
      return await fn();
    } finally {
      this.busy -= 1;
      this.rest();
    }
  }

  /** A number for a record that is written elsewhere. */
  nextSeq(): number {
    this.seq += 1;
    return this.seq;
  }

  /** Records a result; it is written before the next side effect. */
  record(made: Made, afterSeq: number): NewCheckpoint {
    const checkpoint: NewCheckpoint = { ...made, seq: this.nextSeq(), afterSeq };
    this.outbox.record(checkpoint);
    return checkpoint;
  }

  /** Waits; the run may be parked meanwhile. */
  wait(request: WaitRequest): Promise<WaitResult> {
    const result = this.board.add(request);
    this.rest();
    return result;
  }

  /** Says where the run stands. */
  setStatus(status: unknown): void {
    const text = JSON.stringify(status) as string | undefined;
    if (text === undefined || text === this.status) return;
    this.status = text;
    // Of those that a replay goes through, only the last is news.
    if (this.replay.isOver) this.outbox.setStatus(text);
  }

  /** Settles a promise of the method's in its turn; never once the method does not go on. */
  deliver<T>(seq: number, make: () => T): Promise<T> {
    this.parking.stir();
    return new Promise((resolve, reject) => {
      this.deliveries.add(() => {
        if (this.phase !== 'forward') return;
        this.knownSeq = seq;
        try {
          resolve(make());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Undoes a step, or finds that it is undone. @returns how that ended */
  async undo({ key, undo }: Compensation): Promise<StepEnd> {
    const undoKey = undoKeyOf(key);
    const end = await this.steps.run(undoKey, undo);
    const made = madeOf(end, false);
    if (made) this.record({ ...made, key: undoKey }, this.knownSeq);
    return end;
  }

  /** The method, or what undoes, has come to rest: if it only waits, so does the run. */
  rest(): void {
    this.parking.rest();
  }

  private get isAtRest(): boolean {
    return !this.isEnding && this.replay.isOver && this.busy === 0 && this.board.size > 0 && this.deliveries.isIdle;
  }

  // Ending.

  private async park(): Promise<void> {
    const { keys, wake, looksOut } = this.board;
    await this.end({ kind: 'parked', open: keys, wake }, looksOut);
  }

  private async returned(value: unknown): Promise<void> {
    this.replay.ended('returns');
    if (!(await this.replaying) || this.phase !== 'forward' || this.turn) return;
    let output: string | null;
    try {
      output = this.encode(`the output of run ${this.run.id}`, value);
    } catch (error) {
      return this.threw(error);
    }
    void this.steps.stopAll(new RunEndedError(this.run.id));
    await this.end({ kind: 'completed', output });
  }

  private async threw(thrown: unknown): Promise<void> {
    this.replay.ended('throws');
    if (!(await this.replaying) || this.phase !== 'forward' || this.turn) return;
    const error = toErrorRecord(thrown);
    await this.turnAround({ error, target: 'failed', undo: true, reason: new RunEndedError(this.run.id) });
  }

  /** Turns around, once the replay has told what there is to undo. */
  private turnTo(turn: Turn): void {
    if (this.turn && this.phase === 'forward') return;
    if (this.replay.isOver) void this.turnAround(turn);
    else {
      this.turn = turn;
      this.replay.recordsOnly();
    }
  }

  /** Lets what is under way come to its end, undoes what can be undone, and ends the run. */
  private async turnAround({ error, target, undo, reason }: Turn): Promise<void> {
    const wasUndoing = this.phase === 'undoing';
    this.phase = 'turning';
    this.letGo();
    this.board.clear();
    await this.steps.stopAll(reason);
    await turn();
    if (this.hasMoved('turning')) return;
    this.board.clear();
    if (undo && this.compensations.size > 0) {
      if (this.run.state !== 'compensating' && !wasUndoing)
        await this.outbox.flush({ kind: 'compensating', error, target }, false);
      if (this.hasMoved('turning')) return;
      this.phase = 'undoing';
      for (const compensation of this.compensations.take()) {
        if (this.replay.find(undoKeyOf(compensation.key))) continue;
        if ((await this.undo(compensation)).kind === 'cut' || this.hasMoved('undoing')) return;
      }
    }
    await this.end({ kind: target, error });
  }

  private hasMoved(from: Phase): boolean {
    return this.phase !== from;
  }

  /** The code does not fit the history: nothing new has happened, and nothing will. */
  private stick(thrown: unknown): void {
    const { id, name } = this.run;
    this.host.logger.error(`run ${id} of workflow "${name}" cannot go on: ${errorText(thrown)}`);
    const error = toErrorRecord(thrown);
    const next: NextState =
      thrown instanceof WorkflowMismatchError ? { kind: 'stuck', error } : { kind: 'retry', delayMs: 1_000, error };
    void this.end(next);
  }

  /** The store keeps refusing what the run has to write: the activation is given up, and another one follows. */
  private async refused(error: unknown): Promise<void> {
    const { run, host } = this;
    host.logger.error(`what run ${run.id} has to write is refused by the store: ${errorText(error)}`);
    const next: NextState = { kind: 'retry', delayMs: 1_000, error: { name: 'Error', message: errorText(error) } };
    await host.commit(run, { ...bareCommit(run), next }).catch(() => undefined);
    this.over('retry');
  }

  /** Writes where the run goes, with all that was recorded. */
  private async end(next: NextState & { readonly kind: ActivationEnd }, look = false): Promise<void> {
    if (this.phase === 'over') return;
    this.phase = 'over';
    this.letGo();
    const committed = await this.outbox.flush(next, look);
    if (committed.kind === 'written') this.over(next.kind);
  }

  /** The activation failed, not the workflow: another one follows. */
  fail(thrown: unknown): void {
    const error = toErrorRecord(thrown);
    this.host.logger.warn(`an activation of run ${this.run.id} failed and is done again: ${errorText(thrown)}`);
    void this.end({ kind: 'retry', delayMs: 1_000, error });
  }

  private letGo(): void {
    this.parking.stir();
    this.deadline?.cancel();
    this.replay.stop();
    this.resolveParked(PARKED);
  }

  private over(end: ActivationEnd): void {
    if (this.ended) return;
    this.ended = true;
    this.phase = 'over';
    this.letGo();
    this.outbox.close();
    this.options.onEnd(end);
  }
}
