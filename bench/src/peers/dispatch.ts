import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Duration, type Engine, type EngineOptions, createEngine } from 'nestjs-dispatch/engine';
import pg from 'pg';
import {
  MEANT_TO_FAIL,
  type Config,
  type Handle,
  type NewJob,
  type Payload,
  type Peer,
  type PeerFactory,
  type Place,
  type WorkFor,
} from './peer.ts';

const JOB = 'bench';

type Kind = 'postgres' | 'sqlite' | 'memory';

/** Dispatch on one of its stores. */
export function dispatchOn(kind: Kind): PeerFactory {
  return {
    bulk: 10_000,
    config: (purpose, overrides) => ({
      concurrency: purpose === 'latency' ? 10 : 1_000,
      history: 'kept',
      ...overrides,
    }),
    create: async (place, config) => new DispatchPeer(kind, place, config),
  };
}

/** Options of an engine on this store. */
export function engineOptions(kind: Kind, place: Place, config: Config): EngineOptions {
  const { history: _history, nest: _nest, poolSize, ...options } = config;
  return {
    store: storeOf(kind, place, poolSize === undefined ? undefined : Number(poolSize)),
    queues: ['default'],
    logger: { debug: () => undefined, log: () => undefined, warn: complain, error: complain },
    ...options,
  };
}

/** Jobs that are meant to fail are not worth a line. */
function complain(text: string): void {
  if (!text.includes(MEANT_TO_FAIL)) console.error(`dispatch: ${text}`);
}

function storeOf(kind: Kind, place: Place, poolSize: number | undefined): EngineOptions['store'] {
  if (kind === 'memory') return { type: 'memory' };
  if (kind === 'sqlite') return { type: 'sqlite', database: join(place.folder, 'dispatch.db') };
  return { type: 'postgres', url: place.postgresUrl!, ...(poolSize === undefined ? {} : { poolSize }) };
}

class DispatchPeer implements Peer {
  private readonly engine: Engine;
  private readonly nest: boolean;
  private application: { close(): Promise<void> } | undefined;
  private sql: pg.Client | undefined;

  constructor(kind: Kind, place: Place, config: Config) {
    this.kind = kind;
    this.place = place;
    this.config = config;
    this.nest = config['nest'] === true;
    this.engine = createEngine(engineOptions(kind, place, config));
  }

  private readonly kind: Kind;
  private readonly place: Place;
  private readonly config: Config;

  async prepare(): Promise<void> {
    await this.engine.open();
  }

  async enqueue(job: NewJob): Promise<void> {
    await this.engine.enqueue(JOB, job.payload, optionsOf(job));
  }

  async enqueueMany(jobs: readonly NewJob[]): Promise<void> {
    await this.engine.enqueueMany(jobs.map((job) => ({ job: JOB, input: job.payload, ...optionsOf(job) })));
  }

  async work(_purpose: WorkFor, handle: Handle): Promise<void> {
    if (this.nest) {
      const { startNest } = await import('./dispatch-nest.ts');
      this.application = await startNest(JOB, engineOptions(this.kind, this.place, this.config), handle);
      return;
    }
    this.engine.register(JOB, (payload: unknown) => handle(payload as Payload));
    await this.engine.start();
  }

  async stopWork(): Promise<void> {
    await this.application?.close();
    await this.engine.drain();
  }

  async open(): Promise<number> {
    if (this.kind === 'postgres') {
      // Deferred jobs are in a lane of their own; the others in two, each with an index.
      const { rows } = await (
        await this.client()
      ).query<{ open: number }>(`select ((select count(*) from dispatch.dispatch_jobs_live where lane = 0)
          + (select count(*) from dispatch.dispatch_jobs_live where lane = 2))::int as open`);
      return rows[0]!.open;
    }
    const { running, retrying } = await this.engine.jobs.counts();
    return running + retrying;
  }

  async ended(): Promise<{ completed: number; failed: number }> {
    const { completed, failed } = await this.engine.jobs.counts();
    return { completed, failed };
  }

  async close(): Promise<void> {
    await this.engine.stop();
    await this.sql?.end();
    // The store's thread may still be on its way out.
    await delay(0);
  }

  private async client(): Promise<pg.Client> {
    if (!this.sql) {
      this.sql = new pg.Client({ connectionString: this.place.postgresUrl });
      await this.sql.connect();
    }
    return this.sql;
  }
}

function optionsOf(job: NewJob): { delay?: Duration; priority?: number; maxRetries?: number } {
  return {
    ...(job.deferred ? { delay: '1h', priority: 10 } : {}),
    ...(job.once ? { maxRetries: 0 } : {}),
  };
}
