import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../clock/clock.js';
import type { JobId, RunId, WorkerId } from '../../../id/ids.js';
import { type DispatchLogger, errorText } from '../../../observability/logger.js';
import type { Wake } from '../../store.js';
import { WakeHub } from '../../wake-hub.js';
import type { PgConnection } from './pg-connection.js';
import { PgListener } from './pg-listener.js';
import { PgNotifier } from './pg-notifier.js';
import { statement } from './pg-session.js';
import { channelOf } from './tables.js';

export interface PgWakesOptions {
  readonly schema: string;
  readonly listen: boolean | string;
  readonly notify: boolean;
  /** The running jobs whose end was asked for. */
  readonly cancelRequests: () => Promise<readonly { readonly jobId: JobId; readonly workerId: WorkerId }[]>;
  /** Called when another process says that jobs wait, before anybody else hears. */
  readonly onNews: () => void;
  /** The held runs whose end was asked for. */
  readonly runCancelRequests: () => Promise<readonly { readonly runId: RunId; readonly workerId: WorkerId }[]>;
  readonly clock: Clock;
  readonly logger: DispatchLogger;
}

const NOTIFY = statement('notify', 'select pg_notify($1, payload) from unnest($2::text[]) as payload');

/** Wake-ups of this process, at once, and of others, by NOTIFY. */
export class PgWakes {
  private readonly hub: WakeHub;
  private readonly notifier: PgNotifier;
  private readonly listener: PgListener;
  private closed = false;

  constructor(
    connection: PgConnection,
    private readonly options: PgWakesOptions,
  ) {
    const { logger, clock, listen } = options;
    const channel = channelOf(options.schema);
    const warn = (what: string) => (error: unknown) => logger.warn(`${what}: ${errorText(error)}`);
    this.hub = new WakeHub(warn('a listener of wake-ups failed'));
    this.notifier = new PgNotifier(randomBytes(6).toString('base64url'), {
      send: (payloads) =>
        connection.run(async (session) => {
          await session.count(NOTIFY, [channel, payloads]);
        }),
      onError: warn('other processes could not be told of new work; they find it by polling'),
    });
    this.listener = new PgListener({
      channel,
      clock,
      logger,
      newClient: () => connection.newClient(typeof listen === 'string' ? listen : undefined),
      onMessage: (payload) => {
        const wake = this.notifier.parse(payload);
        if (wake) this.heard(wake);
      },
      onGap: () => this.catchUp(),
    });
  }

  /** What was announced while nobody listened: there may be work, and cancel requests. */
  private catchUp(): void {
    this.heard({ kind: 'ready', queues: [] });
    this.hub.emit({ kind: 'runs', names: [] });
    this.hub.emit({ kind: 'signal', runIds: [] });
    this.catchUpOnCancels().catch((error: unknown) =>
      this.options.logger.debug(`cancel requests were not looked up: ${errorText(error)}`),
    );
  }

  /** One after the other: a process that starts has other uses for its connections. */
  private async catchUpOnCancels(): Promise<void> {
    for (const request of await this.options.cancelRequests()) this.hub.emit({ kind: 'cancel', ...request });
    for (const request of await this.options.runCancelRequests()) this.hub.emit({ kind: 'cancel-run', ...request });
  }

  private heard(wake: Wake): void {
    if (wake.kind === 'ready') this.options.onNews();
    this.hub.emit(wake);
  }

  /** Tells this process and the others. Call it after the commit. */
  tell(wake: Wake): void {
    if (this.closed) return;
    this.hub.emit(wake);
    if (this.options.notify) this.notifier.tell(wake);
  }

  /**
   * Has a statement send these wake-ups to other processes; this one is told after the commit.
   *
   * @param write writes with the texts to send, or without any, if the others are told after it as usual
   */
  async tellWith<T>(wakes: readonly Wake[], write: (texts: readonly string[] | undefined) => Promise<T>): Promise<T> {
    const texts = this.options.notify && !this.closed ? this.notifier.carry(wakes) : undefined;
    let written: T;
    try {
      written = await write(texts);
    } finally {
      if (texts) this.notifier.carriedOut();
    }
    if (!texts) wakes.forEach((wake) => this.tell(wake));
    else if (!this.closed) wakes.forEach((wake) => this.hub.emit(wake));
    return written;
  }

  /** Listens while there is somebody to tell. @returns a function that removes the listener */
  add(listener: (wake: Wake) => void): () => void {
    const remove = this.hub.add(listener);
    if (this.options.listen !== false && !this.closed) this.listener.start();
    return () => {
      remove();
      if (this.hub.size === 0) void this.listener.stop();
    };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.hub.clear();
    await this.listener.stop();
    await this.notifier.stop();
  }
}
