import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEngine } from '../../lib/engine/create-engine.js';
import type { Engine } from '../../lib/engine/engine.js';
import { StoreUnavailableError } from '../../lib/errors.js';
import { type BootedPostgres, bootPostgres } from '../support/boot-postgres.js';
import { type PostgresDatabase, createPostgresDatabase } from '../support/postgres-database.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

/** An engine that works on what a producer enqueues without a pause, and an account of both. */
class Traffic {
  readonly engine: Engine;
  readonly acknowledged: string[] = [];
  readonly refused: unknown[] = [];
  readonly ends: string[] = [];
  private producing = true;
  private produced: Promise<unknown> = Promise.resolve();

  constructor(url: string) {
    this.engine = createEngine({
      store: { type: 'postgres', url, callTimeout: 1_000 },
      logger: new RecordingLogger(),
      concurrency: 4,
      heartbeat: 200,
      lease: 2_000,
      pollInterval: 50,
      maxPollInterval: 200,
      shutdownTimeout: 2_000,
    });
    this.engine.register('work', () => new Promise((resolve) => setTimeout(resolve, 5)));
    this.engine.on('jobCompleted', ({ job }) => this.ends.push(job.id));
  }

  async start(): Promise<void> {
    await this.engine.start();
    this.produced = Promise.all([this.produce(), this.produce()]);
    await this.flows();
  }

  /** Waits until jobs are enqueued and completed that were not before. */
  async flows(): Promise<void> {
    const [enqueued, ended] = [this.acknowledged.length + 10, this.ends.length + 10];
    await until('jobs come and go', () => this.acknowledged.length >= enqueued && this.ends.length >= ended, 20_000);
  }

  /** Ends the producers, and fails unless every acknowledged job completes, and none is told to twice. */
  async settles(): Promise<void> {
    this.producing = false;
    await this.produced;
    await until('all have ended', async () => {
      const { pending, running, retrying } = await this.engine.jobs.counts();
      return pending + running + retrying === 0;
    });
    const { jobs } = await this.all();
    const states = new Map(jobs.map(({ id, state }) => [id, state]));
    for (const id of this.acknowledged) expect(states.get(id)).toBe('completed');
    expect(new Set(this.ends).size).toBe(this.ends.length);
    expect(new Set(this.acknowledged).size).toBe(this.acknowledged.length);
    for (const error of this.refused) expect(error).toBeInstanceOf(StoreUnavailableError);
    for (const error of this.refused) expect((error as Error).cause).toBeDefined();
  }

  async stop(): Promise<void> {
    this.producing = false;
    await this.produced;
    await this.engine.stop();
  }

  private async all(): Promise<{ readonly jobs: readonly { readonly id: string; readonly state: string }[] }> {
    const found: { readonly id: string; readonly state: string }[] = [];
    for (let cursor: string | undefined; ;) {
      const { jobs, nextCursor } = await this.engine.jobs.list({ limit: 1_000, ...(cursor ? { cursor } : {}) });
      found.push(...jobs);
      if (nextCursor === undefined) return { jobs: found };
      cursor = nextCursor;
    }
  }

  private async produce(): Promise<void> {
    while (this.producing) {
      try {
        this.acknowledged.push((await this.engine.enqueue('work', null, { maxRetries: 20 })).id);
      } catch (error) {
        this.refused.push(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

describe('PostgreSQL goes away under load, and nothing is lost or done twice', () => {
  let server: BootedPostgres;
  let traffic: Traffic;

  beforeAll(async () => {
    server = await bootPostgres();
  });

  afterAll(() => server.stop());

  beforeEach(async () => {
    traffic = new Traffic(server.url);
    await traffic.start();
  });

  afterEach(() => traffic.stop());

  it('when the server crashes and comes back: enqueues fail with the cause meanwhile, and the worker goes on by itself', async () => {
    await server.crash();
    const refused = traffic.refused.length;
    await until('enqueues fail', () => traffic.refused.length > refused);
    await server.start();
    await traffic.flows();
    await server.crash();
    await server.start();
    await traffic.flows();
    await traffic.settles();
  });

  it('when every backend is terminated, again and again', async () => {
    const raw = new pg.Client({ connectionString: server.url });
    await raw.connect();
    for (let round = 0; round < 5; round++) {
      const { rows } = await raw.query<{ ended: boolean }>(
        `select pg_terminate_backend(pid) as ended from pg_stat_activity
         where pid <> pg_backend_pid() and backend_type = 'client backend'`,
      );
      expect(rows.length).toBeGreaterThan(0);
      await traffic.flows();
    }
    await raw.end();
    await traffic.settles();
  });
});

describe('a network that breaks between an engine and PostgreSQL', () => {
  let database: PostgresDatabase;
  let proxy: TcpProxy;
  let traffic: Traffic;

  beforeEach(async () => {
    database = await createPostgresDatabase();
    const through = await TcpProxy.to(database.url);
    proxy = through.proxy;
    traffic = new Traffic(through.url);
    await traffic.start();
  });

  afterEach(async () => {
    await traffic.stop();
    await proxy.close();
    await database.drop();
  });

  it('by half-open connections: calls give up in time, and new connections are made', async () => {
    proxy.halfOpen();
    await traffic.flows();
    await traffic.settles();
  });

  it.each(['dispatch_insert', 'dispatch_claim', 'dispatch_complete', 'dispatch_heartbeat'])(
    'by a reset after the commit of %s and before its answer',
    async (statement) => {
      const before = traffic.refused.length;
      for (let round = 0; round < 3; round++) {
        await proxy.resetOnAnswerTo(statement);
        await traffic.flows();
      }
      await traffic.settles();
      // An enqueue is repeated under the id it had before: nobody hears of the reset.
      if (statement === 'dispatch_insert') expect(traffic.refused.length).toBe(before);
    },
  );
});
