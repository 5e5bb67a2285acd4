import { MEANT_TO_FAIL, type Payload, type WorkFor } from '../peers/peer.ts';
import type { Reply } from './protocol.ts';

/** How late the harness may learn of handled jobs. */
const TELL_EVERY_MS = 5;

/** What the handlers of one process have seen. */
export class HandledJobs {
  readonly latencies: number[] = [];
  private readonly counts: Uint8Array;
  private readonly total: number;
  private readonly purpose: WorkFor;
  private readonly tell: (reply: Reply) => void;
  private handled = 0;
  private firstAt = 0n;
  private timer: NodeJS.Timeout | undefined;

  constructor(total: number, purpose: WorkFor, tell: (reply: Reply) => void) {
    this.total = total;
    this.purpose = purpose;
    this.tell = tell;
    this.counts = new Uint8Array(total);
  }

  /** The handler of every job. */
  readonly handle = (payload: Payload): unknown => {
    if (this.handled++ === 0) this.firstAt = process.hrtime.bigint();
    if (payload.at !== undefined) this.latencies.push(Number(process.hrtime.bigint() - BigInt(payload.at)) / 1e6);
    if (payload.n < this.total) this.counts[payload.n]!++;
    if (this.handled === this.total) this.report();
    else this.timer ??= setTimeout(this.report, TELL_EVERY_MS);
    if (payload.fail) throw new Error(MEANT_TO_FAIL);
    return this.purpose === 'results' ? { n: payload.n } : undefined;
  };

  /** How often each number was handled. */
  seen(): string {
    return Buffer.from(this.counts).toString('base64');
  }

  private readonly report = (): void => {
    clearTimeout(this.timer);
    this.timer = undefined;
    const lastAt = String(process.hrtime.bigint());
    this.tell({ kind: 'progress', handled: this.handled, firstAt: String(this.firstAt), lastAt });
  };
}
