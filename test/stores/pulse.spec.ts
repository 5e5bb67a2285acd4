import { DataSource } from 'typeorm';
import { afterEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../lib/engine/engine.js';
import { createEngine } from '../../lib/engine/create-engine.js';
import { newWorkerId } from '../../lib/id/ids.js';
import { createPostgresStore } from '../../lib/store/typeorm/postgres/postgres-store.js';
import { createSqliteStore } from '../../lib/store/typeorm/sqlite/sqlite-store.js';
import { reached } from '../support/job-states.js';
import { createPostgresDatabase } from '../support/postgres-database.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { SqliteFiles } from '../support/sqlite-files.js';

describe('the thread that keeps a lease', () => {
  const endings: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });

  const works = async (engine: Engine): Promise<void> => {
    endings.push(() => engine.stop());
    engine.register('greet', () => 'hello');
    await engine.start();
    const { id } = await engine.enqueue('greet');
    expect((await reached(engine, id, 'completed')).result).toBe('hello');
  };

  it('is left out, with a warning, where the password is a function; the main thread keeps the lease', async () => {
    const database = await createPostgresDatabase();
    endings.push(() => database.drop());
    const { hostname, port, pathname } = new URL(database.url);
    let asked = 0;
    const dataSource = new DataSource({
      type: 'postgres',
      host: hostname,
      port: Number(port),
      database: pathname.slice(1),
      username: 'postgres',
      password: () => {
        asked += 1;
        return 'postgres';
      },
    });
    const logger = new RecordingLogger();
    const store = createPostgresStore({ dataSource, logger });
    endings.push(() => store.close());
    await store.migrate();
    expect(asked).toBeGreaterThan(0);
    expect(await store.pulse!(newWorkerId(), 1_000)).toBeUndefined();
    expect(logger.warnings.join()).toContain('cannot be handed to a thread');
    // What the function is made of may be a secret.
    expect(logger.warnings.join()).not.toContain('postgres');
    await works(createEngine({ store, logger }));
  });

  it('has what it needs where the password is a text', async () => {
    const database = await createPostgresDatabase();
    endings.push(() => database.drop());
    const logger = new RecordingLogger();
    const store = createPostgresStore({ url: database.url, logger });
    endings.push(() => store.close());
    expect(await store.pulse!(newWorkerId(), 1_000)).toMatchObject({ driver: 'pg' });
    expect(logger.warnings).toEqual([]);
  });

  it('is left out, with a warning, where the application prepares the SQLite connection itself', async () => {
    const files = new SqliteFiles();
    endings.push(() => files.remove());
    const database = await files.create();
    const dataSource = new DataSource({ type: 'better-sqlite3', database, prepareDatabase: () => undefined });
    const logger = new RecordingLogger();
    const store = createSqliteStore({ dataSource, logger });
    endings.push(() => store.close());
    expect(await store.pulse!(newWorkerId(), 1_000)).toBeUndefined();
    expect(logger.warnings.join()).toContain('"prepareDatabase" of the DataSource');
    await works(createEngine({ store, logger }));
  });
});
