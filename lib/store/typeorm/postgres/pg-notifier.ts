import type { RunId } from '../../../id/ids.js';
import type { Wake } from '../../store.js';

export interface PgNotifierOptions {
  /** Sends texts on the channel, in a transaction of their own. */
  readonly send: (payloads: readonly string[]) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** After a message, later ones within this time share the next. NOTIFY takes a lock of the whole server to commit. */
const WINDOW_MS = 10;
/** Longest payload that PostgreSQL takes, less a margin. */
const MAX_PAYLOAD_BYTES = 7_000;

/** A wake-up on its way to other processes. */
interface Message {
  /** Which store instance sent it: it has told its own listeners already. */
  readonly from: string;
  readonly wake: Wake;
}

/** Tells other processes of new work: the first message goes at once, those of the next moments together. */
export class PgNotifier {
  private ready = new Collected();
  private runs = new Collected();
  private signalled = new Collected();
  private cancels: Wake[] = [];
  private sending: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private carried = false;
  private stopped = false;

  /** @param id tells this store instance from others */
  constructor(
    private readonly id: string,
    private readonly options: PgNotifierOptions,
  ) {}

  tell(wake: Wake): void {
    if (this.stopped) return;
    if (wake.kind === 'ready') this.ready.add(wake.queues, wake.inMs);
    else if (wake.kind === 'runs') this.runs.add(wake.names, wake.inMs);
    else if (wake.kind === 'signal') this.signalled.add(wake.runIds, undefined);
    else this.cancels.push(wake);
    if (!this.busy) this.flush();
  }

  /**
   * Texts for a statement that sends them itself, in its own commit: the first message then costs no round trip more.
   * Call {@link PgNotifier.carriedOut} when it has ended, however that was.
   *
   * @returns `undefined` when a message is on its way, or was within the window: then `tell` is to be called after the commit
   */
  carry(wakes: readonly Wake[]): readonly string[] | undefined {
    if (this.stopped || this.busy || wakes.length === 0) return undefined;
    this.carried = true;
    return wakes.map((wake) => this.textOf(wake));
  }

  carriedOut(): void {
    this.carried = false;
    this.rest();
  }

  /** What a received text says; `undefined` for our own messages and those that cannot be read. */
  parse(payload: string): Wake | undefined {
    try {
      const { from, wake } = JSON.parse(payload) as Message;
      return from === this.id ? undefined : wake;
    } catch {
      return undefined;
    }
  }

  /** Sends what is waiting, and resolves when it is sent. Nothing is sent afterwards. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.sending;
    this.flush();
    await this.sending;
  }

  private flush(): void {
    const wakes = this.take();
    if (wakes.length === 0) return;
    this.sending = this.options.send(wakes.map((wake) => this.textOf(wake))).catch(this.options.onError);
    void this.sending.then(() => {
      this.sending = undefined;
      this.rest();
    });
  }

  private get busy(): boolean {
    return this.timer !== undefined || this.sending !== undefined || this.carried;
  }

  private rest(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.flush();
    }, WINDOW_MS);
  }

  private textOf(wake: Wake): string {
    return JSON.stringify({ from: this.id, wake } satisfies Message);
  }

  private take(): Wake[] {
    const { ready, runs, signalled, cancels } = this;
    this.ready = new Collected();
    this.runs = new Collected();
    this.signalled = new Collected();
    this.cancels = [];
    return [
      ...cancels,
      ...ready.wakes((queues, inMs) => ({ kind: 'ready', queues, ...inMs })),
      ...runs.wakes((names, inMs) => ({ kind: 'runs', names, ...inMs })),
      ...signalled.wakes((runIds) => ({ kind: 'signal', runIds: runIds as RunId[] })),
    ];
  }
}

/** The names of wake-ups of one kind, and whether they are for now or for later. */
class Collected {
  private readonly names = new Set<string>();
  private now = false;
  /** Somebody meant any: to name some would leave the others out. */
  private any = false;
  private later: number | undefined;

  add(names: readonly string[], inMs: number | undefined): void {
    if (names.length === 0) this.any = true;
    for (const name of names) this.names.add(name);
    if (inMs === undefined) this.now = true;
    else this.later = Math.min(this.later ?? Number.POSITIVE_INFINITY, inMs);
  }

  wakes(make: (names: readonly string[], inMs: { readonly inMs?: number }) => Wake): readonly Wake[] {
    const named = [...this.names];
    const names = this.any || Buffer.byteLength(JSON.stringify(named)) > MAX_PAYLOAD_BYTES ? [] : named;
    return [
      ...(this.now ? [make(names, {})] : []),
      ...(this.later === undefined ? [] : [make(names, { inMs: this.later })]),
    ];
  }
}
