import { EventEmitter } from 'node:events';
import { type Runner, type WorkerUtils, Logger, makeWorkerUtils, run } from 'graphile-worker';
import pg from 'pg';
import type { Config, Handle, NewJob, Payload, Peer, PeerFactory, Place, WorkFor } from './peer.ts';

const TASK = 'bench';

/** Its performance page: a local queue and batched completion for throughput, neither for latency. */
export const graphileWorker: PeerFactory = {
  bulk: 1_000,
  config: (purpose, overrides) => ({
    ...(purpose === 'latency'
      ? { concurrentJobs: 10, maxPoolSize: 12 }
      : { concurrentJobs: 24, maxPoolSize: 10, localQueueSize: 2_000, completeJobBatchDelay: 0, failJobBatchDelay: 0 }),
    preparedStatements: true,
    history: 'deleted when completed',
    ...overrides,
  }),
  create: async (place, config) => GraphilePeer.create(place, config),
};

class GraphilePeer implements Peer {
  private readonly url: string;
  private readonly config: Config;
  private readonly pool: pg.Pool;
  private utils: WorkerUtils | undefined;
  private runner: Runner | undefined;

  private constructor(url: string, config: Config) {
    this.url = url;
    this.config = config;
    this.pool = new pg.Pool({ connectionString: url, max: Number(config['maxPoolSize']) });
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  static create(place: Place, config: Config): GraphilePeer {
    return new GraphilePeer(place.postgresUrl!, config);
  }

  async prepare(): Promise<void> {
    await (await this.tools()).migrate();
  }

  async enqueue(job: NewJob): Promise<void> {
    await (await this.tools()).addJob(TASK, job.payload, optionsOf(job));
  }

  async enqueueMany(jobs: readonly NewJob[]): Promise<void> {
    const specs = jobs.map((job) => ({ identifier: TASK, payload: job.payload, ...optionsOf(job) }));
    await (await this.tools()).addJobs(specs);
  }

  async work(_purpose: WorkFor, handle: Handle): Promise<void> {
    const { localQueueSize, concurrentJobs, maxPoolSize, preparedStatements } = this.config;
    const { completeJobBatchDelay, failJobBatchDelay } = this.config;
    this.runner = await run({
      preset: {
        worker: {
          connectionString: this.url,
          concurrentJobs: Number(concurrentJobs),
          maxPoolSize: Number(maxPoolSize),
          preparedStatements: preparedStatements === true,
          logger: quiet,
          ...(localQueueSize === undefined ? {} : { localQueue: { size: Number(localQueueSize) } }),
          ...(completeJobBatchDelay === undefined ? {} : { completeJobBatchDelay: Number(completeJobBatchDelay) }),
          ...(failJobBatchDelay === undefined ? {} : { failJobBatchDelay: Number(failJobBatchDelay) }),
        },
      },
      noHandleSignals: true,
      parsedCronItems: [],
      events: new EventEmitter(),
      taskList: { [TASK]: async (payload: unknown) => void handle(payload as Payload) },
    });
  }

  async stopWork(): Promise<void> {
    await this.runner?.stop();
    this.runner = undefined;
  }

  async open(): Promise<number> {
    return this.count('run_at <= now() and attempts < max_attempts or locked_at is not null');
  }

  async ended(): Promise<{ completed: null; failed: number }> {
    return { completed: null, failed: await this.count('attempts >= max_attempts and locked_at is null') };
  }

  async close(): Promise<void> {
    await this.stopWork();
    await this.utils?.release();
    await this.pool.end();
  }

  private async count(where: string): Promise<number> {
    const { rows } = await this.pool.query<{ open: number }>(
      `select count(*)::int as open from graphile_worker._private_jobs where ${where}`,
    );
    return rows[0]!.open;
  }

  private async tools(): Promise<WorkerUtils> {
    return (this.utils ??= await makeWorkerUtils({ pgPool: this.pool, logger: quiet }));
  }
}

const quiet = new Logger(() => (level, message) => {
  // Failing jobs are meant to fail.
  if (level === 'error' && !message.includes('Failed task')) console.error(`graphile-worker: ${message}`);
});

function optionsOf(job: NewJob): { runAt?: Date; priority?: number; maxAttempts?: number } {
  return {
    // Lower numbers first.
    ...(job.deferred ? { runAt: new Date(Date.now() + 3_600_000), priority: -10 } : {}),
    ...(job.once ? { maxAttempts: 1 } : {}),
  };
}
