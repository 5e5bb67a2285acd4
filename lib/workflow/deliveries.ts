import { turn } from './parked.js';

/**
 * Hands results to the method one at a time, each once the method has come to rest after the one before: the order that a
 * replay repeats.
 */
export class Deliveries {
  private readonly queue: (() => void)[] = [];
  private pumping = false;

  /** @param onRest called when the method has come to rest and nothing more is to be handed out */
  constructor(private readonly onRest: () => void) {}

  get isIdle(): boolean {
    return !this.pumping;
  }

  /** @param hand settles a promise of the method's */
  add(hand: () => void): void {
    this.queue.push(hand);
    if (!this.pumping) void this.pump();
  }

  private async pump(): Promise<void> {
    this.pumping = true;
    for (let hand = this.queue.shift(); hand; hand = this.queue.shift()) {
      hand();
      await turn();
    }
    this.pumping = false;
    this.onRest();
  }
}
