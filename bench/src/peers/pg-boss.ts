import pg from 'pg';
import { type PerJobResult, PgBoss } from 'pg-boss';
import type { Config, Handle, NewJob, Payload, Peer, PeerFactory, WorkFor } from './peer.ts';

const QUEUE = 'bench';

/** Its guide for throughput: batches, fetched continuously while they come back full, and LISTEN for wake-ups. */
export const pgBoss: PeerFactory = {
  bulk: 1_000,
  config: (purpose, overrides) => ({
    batchSize: purpose === 'latency' ? 1 : 1_000,
    localConcurrency: purpose === 'latency' ? 1 : 2,
    burstWhenBatchFull: true,
    pollingIntervalSeconds: 0.5,
    notify: true,
    perJobResults: purpose === 'results',
    max: 10,
    history: 'kept',
    ...overrides,
  }),
  create: async (place, config) => new PgBossPeer(place.postgresUrl!, config),
};

class PgBossPeer implements Peer {
  private readonly url: string;
  private readonly config: Config;
  private readonly boss: PgBoss;
  private readonly pool: pg.Pool;
  private started: Promise<unknown> | undefined;
  private working = false;

  constructor(url: string, config: Config) {
    this.url = url;
    this.config = config;
    this.boss = new PgBoss({
      connectionString: this.url,
      max: Number(config['max']),
      useListenNotify: config['notify'] === true,
      schedule: false,
    });
    this.boss.on('error', (error) => console.error(`pg-boss: ${error.message}`));
    this.pool = new pg.Pool({ connectionString: url, max: 1 });
    this.pool.on('error', () => undefined);
  }

  async prepare(): Promise<void> {
    await this.start();
    await this.boss.createQueue(QUEUE, { notify: this.config['notify'] === true });
  }

  async enqueue(job: NewJob): Promise<void> {
    await this.start();
    await this.boss.send(QUEUE, job.payload, optionsOf(job));
  }

  async enqueueMany(jobs: readonly NewJob[]): Promise<void> {
    await this.start();
    await this.boss.insert(
      QUEUE,
      jobs.map((job) => ({ data: job.payload, ...optionsOf(job) })),
    );
  }

  async work(_purpose: WorkFor, handle: Handle): Promise<void> {
    await this.start();
    const { batchSize, localConcurrency, burstWhenBatchFull, pollingIntervalSeconds } = this.config;
    const options = {
      batchSize: Number(batchSize),
      localConcurrency: Number(localConcurrency),
      burstWhenBatchFull: burstWhenBatchFull === true,
      pollingIntervalSeconds: Number(pollingIntervalSeconds),
    };
    this.working = true;
    if (this.config['perJobResults'] === true) {
      await this.boss.work(QUEUE, { ...options, perJobResults: true }, async (jobs) =>
        jobs.map(({ id, data }) => resultOf(id, data as Payload, handle)),
      );
    } else {
      await this.boss.work(QUEUE, options, async (jobs) => {
        for (const { data } of jobs) handle(data as Payload);
      });
    }
  }

  async stopWork(): Promise<void> {
    if (this.working) await this.boss.offWork(QUEUE, { wait: true });
    this.working = false;
  }

  async open(): Promise<number> {
    return this.count(`state in ('created', 'retry', 'active') and start_after <= now()`);
  }

  async ended(): Promise<{ completed: number; failed: number }> {
    return { completed: await this.count(`state = 'completed'`), failed: await this.count(`state = 'failed'`) };
  }

  async close(): Promise<void> {
    if (this.started) await this.boss.stop({ graceful: true, timeout: 5_000 });
    await this.pool.end();
  }

  private async start(): Promise<void> {
    await (this.started ??= this.boss.start());
  }

  private async count(where: string): Promise<number> {
    const { rows } = await this.pool.query<{ open: number }>(
      `select count(*)::int as open from pgboss.job where name = '${QUEUE}' and ${where}`,
    );
    return rows[0]!.open;
  }
}

function resultOf(id: string, payload: Payload, handle: Handle): PerJobResult {
  try {
    return { id, status: 'completed', output: handle(payload) };
  } catch (error) {
    return { id, status: 'failed', output: { message: (error as Error).message } };
  }
}

function optionsOf(job: NewJob): { startAfter?: number; priority?: number; retryLimit?: number } {
  return {
    ...(job.deferred ? { startAfter: 3_600, priority: 10 } : {}),
    ...(job.once ? { retryLimit: 0 } : {}),
  };
}
