import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../lib/errors.js';
import { consoleLogger } from '../../lib/observability/logger.js';
import { PgConnection } from '../../lib/store/typeorm/postgres/pg-connection.js';
import { resolvePostgresOptions } from '../../lib/store/typeorm/postgres/postgres-options.js';
import { createPostgresStore } from '../../lib/store/typeorm/postgres/postgres-store.js';
import { deferred } from '../support/deferred.js';
import { type PostgresDatabase, createPostgresDatabase } from '../support/postgres-database.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

/** What the server ends its greeting with, and what it says when a connection is ended from elsewhere. */
const READY = 'Z\0\0\0\x05I';
const TERMINATED = 'terminating connection';

describe('PostgreSQL: a connection that the server greets and ends in one packet', () => {
  let database: PostgresDatabase;
  let raw: pg.Client;
  let proxy: TcpProxy;
  let url: string;
  /** Errors that would have ended this process. */
  const unheard: Error[] = [];
  const note = (error: Error): void => void unheard.push(error);

  beforeEach(async () => {
    unheard.length = 0;
    process.on('uncaughtExceptionMonitor', note);
    database = await createPostgresDatabase();
    raw = new pg.Client({ connectionString: database.url });
    await raw.connect();
    ({ proxy, url } = await TcpProxy.to(database.url));
  });

  afterEach(async () => {
    process.off('uncaughtExceptionMonitor', note);
    await proxy.close();
    await raw.end();
    await database.drop();
  });

  /** Ends the next connection so. @param connect what makes it */
  async function endAtGreeting<T>(connect: () => Promise<T>): Promise<T> {
    proxy.holdRepliesFrom('server_version');
    const outcome = connect();
    outcome.catch(() => undefined);
    await until('the server has greeted', () => proxy.holdsReply(READY));
    await raw.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() order by backend_start desc limit 1`,
    );
    await until('the server has ended it', () => proxy.holdsReply(TERMINATED));
    proxy.releaseReplies();
    return outcome;
  }

  it('fails a transaction of the engine, and not the process', async () => {
    const connection = new PgConnection(resolvePostgresOptions({ url }), null, consoleLogger);
    const [began, end] = [deferred(), deferred()];
    const other = connection.transaction(async () => {
      began.resolve();
      await end.promise;
    });
    await began.promise;
    await expect(endAtGreeting(() => connection.transaction((session) => session.command('select 1')))).rejects.toThrow(
      StoreUnavailableError,
    );
    expect(unheard).toEqual([]);
    end.resolve();
    await other;
    await connection.transaction((session) => session.command('select 1'));
    await connection.close();
  });

  it("fails a caller's transaction, and not the process", async () => {
    const store = createPostgresStore({ url, listen: false, notify: false });
    await store.migrate();
    const [began, end] = [deferred(), deferred()];
    const other = store.transaction(async () => {
      began.resolve();
      await end.promise;
    });
    await began.promise;
    await expect(endAtGreeting(() => store.transaction(() => Promise.resolve()))).rejects.toThrow(
      /not queryable|already released/,
    );
    expect(unheard).toEqual([]);
    end.resolve();
    await other;
    await store.transaction(() => Promise.resolve());
    await store.close();
  });
});
