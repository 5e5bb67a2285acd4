import { TestClock } from '../../lib/testing/test-clock.js';
import { type Claimed, LeasedLoop } from '../../lib/worker/leased-loop.js';

/** What a claim brings when there is nothing to do. */
export const EMPTY: Claimed<string> = { items: [], nextDueInMs: null };

/** A loop whose claims a test answers, in turn. */
export class LoopUnderTest {
  readonly clock = new TestClock(0);
  readonly claims: { readonly free: number; readonly at: number }[] = [];
  readonly started: string[] = [];
  readonly errors: unknown[] = [];
  readonly loop: LeasedLoop<string>;
  paused = false;
  /** Answers the claims that {@link answer} and {@link give} leave over. */
  always: () => Promise<Claimed<string>> = async () => EMPTY;
  onStart: (item: string) => void = () => undefined;
  private readonly answers: (() => Promise<Claimed<string>>)[] = [];

  /** With three slots, and polling from one second to thirty. */
  constructor() {
    this.loop = new LeasedLoop<string>({
      clock: this.clock,
      concurrency: 3,
      poll: { minMs: 1_000, maxMs: 30_000 },
      claim: (free) => {
        this.claims.push({ free, at: this.clock.now() });
        return (this.answers.shift() ?? this.always)();
      },
      start: (item) => {
        this.started.push(item);
        this.onStart(item);
      },
      paused: () => this.paused,
      onError: (error) => this.errors.push(error),
    });
  }

  /** What the next claims bring. */
  answer(...next: (() => Promise<Claimed<string>>)[]): void {
    this.answers.push(...next);
  }

  /** The next claim brings these, and nothing else waits. */
  give(...items: string[]): void {
    this.answer(async () => ({ items, nextDueInMs: null }));
  }

  /** Lets everything happen that needs no time. */
  turn(): Promise<void> {
    return this.clock.advance(0);
  }
}
