import type { Timer } from '../clock/clock.js';
import { errorText } from '../observability/logger.js';
import type { ActivationHost } from './activation-host.js';
import type { Outbox } from './outbox.js';
import type { ClaimedRun } from './run-record.js';
import type { WaitBoard } from './wait-board.js';

export interface ParkingOptions {
  readonly run: ClaimedRun;
  readonly host: ActivationHost;
  readonly board: WaitBoard;
  readonly outbox: Outbox;
  /** Whether the run does nothing but wait. */
  readonly isAtRest: () => boolean;
  /** Lets the run go. */
  readonly park: () => Promise<void>;
  readonly lose: () => void;
}

/** Looks after a run that does nothing but wait: settles what has come, and lets the run go when nothing does. */
export class Parking {
  private looking = false;
  private timer: Timer | undefined;

  constructor(private readonly options: ParkingOptions) {}

  /** The run may have come to rest. */
  rest(): void {
    if (this.looking) return;
    setImmediate(() => {
      if (!this.looking && this.options.isAtRest()) void this.look();
    });
  }

  /** The run is at work again. */
  stir(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Something has come that the run may wait for: asks the store. */
  async reload(): Promise<void> {
    this.stir();
    const { run, host, board, lose } = this.options;
    try {
      const open = await host.loadWaits(run);
      if (!open) {
        lose();
        return;
      }
      board.learn(open);
    } catch (error) {
      host.logger.warn(`what run ${run.id} waits for could not be looked up: ${errorText(error)}`);
    }
    this.rest();
  }

  private async look(): Promise<void> {
    this.looking = true;
    try {
      await this.settleOrWait();
    } finally {
      this.looking = false;
    }
  }

  private async settleOrWait(): Promise<void> {
    const { board, outbox, host, isAtRest, park } = this.options;
    // One by one: each result is handed out before the next is looked at.
    if (board.settleOne()) return;
    const { parkGraceMs, clock } = host;
    if (parkGraceMs === 0) return park();
    if (board.isChanged) {
      board.told();
      const committed = await outbox.flush(null, true);
      if (committed.kind === 'written' && committed.open) board.learn(committed.open);
      if (board.settleOne() || !isAtRest()) return;
    }
    this.stir();
    const next = board.nextInMs;
    const isSoon = next !== null && next <= parkGraceMs;
    const then = isSoon ? () => this.reload() : () => (isAtRest() && !this.looking ? park() : undefined);
    this.timer = clock.setTimer(isSoon ? next : parkGraceMs, () => void then(), { keepAlive: true });
  }
}
