import type { DataSource, DataSourceOptions } from 'typeorm';
import type { Clock } from '../../../clock/clock.js';
import { StoreClosedError } from '../../../errors.js';
import { type DispatchLogger, errorText } from '../../../observability/logger.js';
import { CallWatch, type ConnectionWatch, type Cuttable } from './call-watch.js';
import { loadTypeorm } from './load-drivers.js';
import { hearLostConnections } from './lost-connections.js';
import { isTransient, isUnavailable, translateError } from './pg-errors.js';
import { PgSession, type Queryable } from './pg-session.js';
import type { ResolvedPostgresOptions } from './postgres-options.js';

/** A connection of `pg`'s pool. */
interface PoolClient extends Queryable, Cuttable {
  release(destroy?: boolean): void;
  on(event: 'error', listener: (error: Error) => void): void;
  off(event: 'error', listener: (error: Error) => void): void;
}

/** A connection outside the pool. */
export interface PgClient {
  query(config: object): Promise<unknown>;
  readonly connection?: { readonly stream?: { destroy(): void } };
  connect(): Promise<void>;
  end(): Promise<void>;
  on(event: 'notification', listener: (message: { readonly payload?: string }) => void): void;
  on(event: 'error' | 'end', listener: (error?: Error) => void): void;
}

interface Pool {
  readonly Client: new (options: object) => PgClient;
  readonly options: object & { readonly password?: unknown };
  connect(): Promise<PoolClient>;
  on(event: 'acquire' | 'remove', listener: (client: PoolClient) => void): void;
}

/*
 * Every statement here is made for its indexes, and its tables change faster than their statistics: a plan made for an
 * empty table may read all of a full one. So one plan a statement, along the indexes (a claim of 10 with the planner left
 * alone: 198 us of server cpu a job, so: 42; bench/layouts, 2026-11-24). Compiling a plan takes longer than running it.
 */
const PLANNER =
  '-c jit=off -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off';

/** How much longer than the server a call waits before its connection is cut. */
const SERVER_FIRST_MS = 1_000;
/** Tries of a transaction that lost against another one. */
const TRIES = 5;

/**
 * The engine's own pool, opened through a TypeORM DataSource without entities that shares nothing with the
 * application's but its address.
 */
export class PgConnection {
  private dataSource: DataSource | undefined;
  private opening: Promise<DataSource> | undefined;
  private closed = false;
  private readonly watch: CallWatch;

  constructor(
    private readonly options: ResolvedPostgresOptions,
    private readonly clock: Clock | null,
    private readonly logger: DispatchLogger,
  ) {
    // The server is to give up first: then it is certain that nothing was written.
    this.watch = new CallWatch(options.callTimeoutMs + SERVER_FIRST_MS);
  }

  /** Runs single statements, each in a transaction and a round trip of its own. @throws StoreUnavailableError */
  async run<T>(work: (session: PgSession) => Promise<T>): Promise<T> {
    const pool = await this.pool();
    return this.retrying(() => this.onConnection(pool, work));
  }

  /**
   * Runs `work` in one transaction on one connection; again when it lost against another one, so `work` must have no
   * other effects.
   *
   * @throws StoreUnavailableError when the database cannot be reached; the outcome is unknown if that is during COMMIT
   */
  async transaction<T>(work: (session: PgSession) => Promise<T>): Promise<T> {
    const pool = await this.pool();
    return this.retrying(() =>
      this.onConnection(pool, async (session, breaks) => {
        try {
          await session.command('BEGIN');
          const result = await work(session);
          await session.command('COMMIT');
          return result;
        } catch (error) {
          if (!isUnavailable(error)) await session.command('ROLLBACK').catch(breaks);
          throw error;
        }
      }),
    );
  }

  /** A session on somebody else's connection. */
  session(target: Queryable, watch?: ConnectionWatch): PgSession {
    return new PgSession(target, { clock: this.clock, prepare: this.options.preparedStatements, watch });
  }

  /** @param work may say that the connection is not to be used again */
  private async onConnection<T>(pool: Pool, work: (session: PgSession, breaks: () => void) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    let broken = false;
    const breaks = (): void => void (broken = true);
    // A connection that ends between two statements has nobody else to tell, and an error that nobody hears ends the process.
    client.on('error', breaks);
    try {
      return await work(this.session(client, this.watch.of(client)), breaks);
    } catch (error) {
      // A statement without an answer may be carried out later: BEGIN would swallow what others write.
      if (isUnavailable(error)) breaks();
      throw error;
    } finally {
      client.off('error', breaks);
      client.release(broken);
    }
  }

  /** A connection outside the pool, not connected yet. @param url another address than the pool's */
  async newClient(url?: string): Promise<PgClient> {
    const { Client } = await this.pool();
    const base = { ...(await this.address()), statement_timeout: 0, query_timeout: 0, keepAlive: true };
    return new Client(
      url === undefined ? base : { connectionString: url, connectionTimeoutMillis: this.options.callTimeoutMs },
    );
  }

  /** What the pool connects with. */
  async address(): Promise<object> {
    const { options } = await this.pool();
    // The pool hides the password from copies of its options.
    return { ...options, password: options.password };
  }

  /** Another DataSource at the same address, connected, without what makes statements of the engine give up early. */
  async newDataSource(poolSize: number): Promise<DataSource> {
    if (this.closed) throw new StoreClosedError();
    return this.connect(poolSize, {});
  }

  /** Calling it twice is fine. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.opening?.catch(() => undefined);
    await this.dataSource?.destroy();
    this.watch.stop();
  }

  private async retrying<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (this.closed) throw new StoreClosedError();
        if (attempt >= TRIES || !isTransient(error)) throw translateError(error);
      }
    }
  }

  private async pool(): Promise<Pool> {
    if (this.closed) throw new StoreClosedError();
    if (!this.dataSource) {
      this.opening ??= this.open().catch((error: unknown) => {
        this.opening = undefined;
        throw translateError(error);
      });
      this.dataSource = await this.opening;
    }
    return poolOf(this.dataSource);
  }

  private async open(): Promise<DataSource> {
    const { poolSize, callTimeoutMs } = this.options;
    const limits = {
      statement_timeout: callTimeoutMs,
      idle_in_transaction_session_timeout: callTimeoutMs * 2,
      options: [this.given().options, PLANNER].filter(Boolean).join(' '),
    };
    const dataSource = await this.connect(poolSize, limits);
    poolOf(dataSource).on('remove', (client) => this.watch.forget(client));
    return dataSource;
  }

  private async connect(poolSize: number, limits: object): Promise<DataSource> {
    const { DataSource } = await loadTypeorm();
    const dataSource = await new DataSource(this.ownOptions(poolSize, limits)).initialize();
    hearLostConnections(poolOf(dataSource));
    return dataSource;
  }

  /** The application's address and credentials, with nothing else of what its DataSource does. */
  private ownOptions(poolSize: number, limits: object): DataSourceOptions {
    const { connection, callTimeoutMs } = this.options;
    return {
      ...connection,
      name: undefined,
      entities: [],
      migrations: [],
      subscribers: [],
      synchronize: false,
      migrationsRun: false,
      dropSchema: false,
      logging: false,
      cache: false,
      installExtensions: false,
      poolSize,
      applicationName: 'nestjs-dispatch',
      poolErrorHandler: (error: unknown) => this.logger.debug(`an idle connection was lost: ${errorText(error)}`),
      extra: {
        ...this.given(),
        max: poolSize,
        connectionTimeoutMillis: callTimeoutMs,
        keepAlive: true,
        ...limits,
      },
    } as unknown as DataSourceOptions;
  }

  /** What the application hands to `pg` beside TypeORM's own options. */
  private given(): { readonly options?: string } {
    return (this.options.connection as { readonly extra?: { readonly options?: string } }).extra ?? {};
  }
}

function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as unknown as { master: Pool }).master;
}
