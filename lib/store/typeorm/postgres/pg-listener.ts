import type { Clock } from '../../../clock/clock.js';
import { type DispatchLogger, errorText } from '../../../observability/logger.js';
import type { PgClient } from './pg-connection.js';

export interface PgListenerOptions {
  readonly channel: string;
  readonly newClient: () => Promise<PgClient>;
  readonly onMessage: (payload: string) => void;
  /** Called when listening begins again: messages may have been missed. */
  readonly onGap: () => void;
  /** Paces the tries to connect again. */
  readonly clock: Clock;
  readonly logger: DispatchLogger;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 10_000;
/** How often the connection is asked for a sign of life, so that one that died silently is noticed. */
const CHECK_MS = 30_000;

/** How long a connection may take to say goodbye before it is cut. */
const GOODBYE_MS = 1_000;

/** One connection that LISTENs, and comes back when it is lost. */
export class PgListener {
  private client: PgClient | undefined;
  private failures = 0;
  private connected = false;
  private timer: NodeJS.Timeout | undefined;
  /** Counts starts and stops: what an earlier one set off is over. */
  private generation = 0;
  private started = false;

  constructor(private readonly options: PgListenerOptions) {}

  /** Starts to listen in the background. */
  start(): void {
    if (this.started) return;
    this.started = true;
    this.generation += 1;
    void this.connect(this.generation);
  }

  async stop(): Promise<void> {
    this.started = false;
    this.generation += 1;
    clearTimeout(this.timer);
    this.connected = false;
    const { client } = this;
    this.client = undefined;
    if (client) await goodbye(client);
  }

  private async connect(generation: number): Promise<void> {
    let client: PgClient | undefined;
    try {
      client = await this.options.newClient();
      if (generation !== this.generation) return;
      this.client = client;
      const lost = (error?: Error): void => this.lost(client!, error);
      client.on('error', lost);
      client.on('end', lost);
      client.on('notification', ({ payload }) => {
        if (payload !== undefined) this.options.onMessage(payload);
      });
      await client.connect();
      await client.query({ text: `LISTEN "${this.options.channel}"` });
      if (generation !== this.generation) {
        await goodbye(client);
        return;
      }
      // Also the first time: what was announced between the store's opening and this moment was not heard.
      this.connected = true;
      this.failures = 0;
      this.options.onGap();
      this.checkLater(client);
    } catch (error) {
      if (client) this.lost(client, error);
      else this.retry(generation, error);
    }
  }

  private checkLater(client: PgClient): void {
    this.timer = setTimeout(() => {
      const answer = client.query({ text: 'SELECT 1', query_timeout: FIRST_RETRY_MS * 50 });
      answer.then(
        () => this.client === client && this.checkLater(client),
        (error: unknown) => this.lost(client, error),
      );
    }, CHECK_MS);
    this.timer.unref();
  }

  private lost(client: PgClient, error: unknown): void {
    if (this.client !== client) return;
    this.client = undefined;
    void goodbye(client);
    this.retry(this.generation, error);
  }

  private retry(generation: number, error: unknown): void {
    if (generation !== this.generation) return;
    clearTimeout(this.timer);
    if (this.connected)
      this.options.logger.warn(`the listening connection was lost and is made anew: ${errorText(error)}`);
    this.connected = false;
    const pause = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.failures++, 20));
    this.timer = setTimeout(() => void this.connect(generation), pause * (0.5 + this.options.clock.random() / 2));
    this.timer.unref();
  }
}

/** Ends a connection, and cuts it when the other side does not answer. */
async function goodbye(client: PgClient): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      client.connection?.stream?.destroy();
      resolve();
    }, GOODBYE_MS);
  });
  await Promise.race([client.end().catch(() => undefined), limit]);
  clearTimeout(timer);
}
