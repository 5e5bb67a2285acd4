import { type QueueLike, type WorkerLike, Queue, Worker, createPostgresBackend } from 'bullmq';
import type { Config, Handle, NewJob, Payload, Peer, PeerFactory, Place, WorkFor } from './peer.ts';

const QUEUE = 'bench';

type Backend = 'redis' | 'postgres';

/**
 * Its production guide: concurrency for throughput, completed jobs removed. On Redis with AOF, written every second: a
 * crash of the server may lose a second of what was acknowledged, which no other peer here may.
 */
export function bullmqOn(backend: Backend): PeerFactory {
  return {
    bulk: 1_000,
    config: (purpose, overrides) => ({
      concurrency: purpose === 'latency' ? 10 : backend === 'redis' ? 300 : 50,
      ...(backend === 'redis' ? { aof: 'everysec' } : { poolMax: 10 }),
      history: 'removed when completed',
      ...overrides,
    }),
    create: async (place, config) => new BullmqPeer(backend, place, config),
  };
}

class BullmqPeer implements Peer {
  private readonly backend: Backend;
  private readonly place: Place;
  private readonly config: Config;
  private made: QueueLike | undefined;
  private worker: WorkerLike | undefined;

  constructor(backend: Backend, place: Place, config: Config) {
    this.backend = backend;
    this.place = place;
    this.config = config;
  }

  async prepare(): Promise<void> {
    if (this.backend === 'postgres') {
      const migrating = this.makeQueue(true);
      await migrating.waitUntilReady();
      await migrating.close();
    }
    await this.queue().waitUntilReady();
  }

  async enqueue(job: NewJob): Promise<void> {
    await this.queue().add(QUEUE, job.payload, optionsOf(job));
  }

  async enqueueMany(jobs: readonly NewJob[]): Promise<void> {
    await this.queue().addBulk(jobs.map((job) => ({ name: QUEUE, data: job.payload, opts: optionsOf(job) })));
  }

  async work(_purpose: WorkFor, handle: Handle): Promise<void> {
    const options = {
      connection: this.connection(false),
      concurrency: Number(this.config['concurrency']),
      removeOnComplete: { count: 0 },
    };
    const run = async ({ data }: { readonly data: unknown }) => handle(data as Payload);
    this.worker =
      this.backend === 'redis'
        ? new Worker(QUEUE, run, options)
        : new Worker(QUEUE, run, options, createPostgresBackend);
    this.worker.on('error', (error) => console.error(`bullmq: ${error.message}`));
    await this.worker.waitUntilReady();
  }

  async stopWork(): Promise<void> {
    await this.worker?.close();
    this.worker = undefined;
  }

  async open(): Promise<number> {
    const counts = await this.queue().getJobCounts('waiting', 'active', 'prioritized');
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }

  async ended(): Promise<{ completed: null; failed: number }> {
    const { failed = 0 } = await this.queue().getJobCounts('failed');
    return { completed: null, failed };
  }

  async close(): Promise<void> {
    await this.stopWork();
    await this.made?.close();
  }

  private queue(): QueueLike {
    return (this.made ??= this.makeQueue(false));
  }

  private makeQueue(migrate: boolean): QueueLike {
    const options = { connection: this.connection(migrate) };
    const queue =
      this.backend === 'redis' ? new Queue(QUEUE, options) : new Queue(QUEUE, options, createPostgresBackend);
    queue.on('error', (error) => console.error(`bullmq: ${error.message}`));
    return queue;
  }

  private connection(migrate: boolean): object {
    if (this.backend === 'postgres') {
      return { connectionString: this.place.postgresUrl!, max: Number(this.config['poolMax']), migrate };
    }
    const { hostname, port } = new URL(this.place.redisUrl!);
    return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
  }
}

/** A job without a priority comes before all that have one, so deferred ones need none to be of the highest. */
function optionsOf(job: NewJob): { delay?: number; attempts?: number } {
  return { ...(job.deferred ? { delay: 3_600_000 } : {}), ...(job.once ? { attempts: 1 } : {}) };
}
