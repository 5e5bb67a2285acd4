/** The part of a `pg` client that is cut. */
export interface Cuttable {
  readonly connection?: { readonly stream?: { destroy(error?: Error): void } };
}

/** Watches the calls of one connection, one at a time. */
export interface ConnectionWatch {
  /** @param timeoutMs instead of the usual time */
  begin(timeoutMs?: number): void;
  end(): void;
}

/**
 * Cuts connections whose server does not answer in time; their call then fails as one whose connection was lost.
 * In place of `query_timeout`, with which `pg` makes a timer for each call: one timer serves all, and it is made only every
 * few seconds. (Timers are linked to each other, and through them the garbage collector's quick passes take every result for
 * one that is still in use: heap of a loop of queries with a timer each 145 MB, without 42 MB; Node 24, 2026-11-26.)
 */
export class CallWatch {
  private readonly deadlines = new Map<Cuttable, number>();
  private timer: NodeJS.Timeout | undefined;
  private wakeAt = Number.POSITIVE_INFINITY;

  /** @param timeoutMs the usual time of a call */
  constructor(private readonly timeoutMs: number) {}

  of(client: Cuttable): ConnectionWatch {
    return {
      begin: (timeoutMs = this.timeoutMs) => {
        const deadline = performance.now() + timeoutMs;
        this.deadlines.set(client, deadline);
        if (deadline < this.wakeAt) this.wake(deadline);
      },
      end: () => this.deadlines.set(client, Number.POSITIVE_INFINITY),
    };
  }

  /** The connection is closed for good. */
  forget(client: Cuttable): void {
    this.deadlines.delete(client);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.deadlines.clear();
  }

  private wake(at: number): void {
    clearTimeout(this.timer);
    this.wakeAt = at;
    this.timer = setTimeout(() => this.check(), Math.max(1, at - performance.now()));
    this.timer.unref();
  }

  private check(): void {
    this.wakeAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const [client, deadline] of this.deadlines) {
      if (deadline > now) {
        next = Math.min(next, deadline);
        continue;
      }
      this.deadlines.set(client, Number.POSITIVE_INFINITY);
      client.connection?.stream?.destroy(new ReadTimeoutError());
    }
    if (next < Number.POSITIVE_INFINITY) this.wake(next);
  }
}

class ReadTimeoutError extends Error {
  override readonly name = 'ReadTimeoutError';
  readonly code = 'ETIMEDOUT';

  constructor() {
    super('no answer came in time, and the connection was cut');
  }
}
