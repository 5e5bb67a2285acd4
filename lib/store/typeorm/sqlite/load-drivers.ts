import type { DataSource } from 'typeorm';
import { InvalidOptionsError } from '../../../errors.js';
import type { SqliteFileOptions } from './sqlite-options.js';

/**
 * Opens a TypeORM DataSource on the file: no entities, no logging, no waiting for locks (those would block the
 * event loop). Both packages are optional peers and are loaded here, on first use.
 *
 * @throws InvalidOptionsError when `typeorm` or `better-sqlite3` cannot be loaded
 */
export async function openDataSource(file: SqliteFileOptions): Promise<DataSource> {
  const driver = file.driver ?? (await loadBetterSqlite());
  const typeorm = await load('typeorm', () => import('typeorm'));
  const dataSource = new typeorm.DataSource({
    type: 'better-sqlite3',
    database: file.database,
    driver,
    timeout: 0,
    logging: false,
    ...(file.key === undefined ? {} : { key: file.key }),
    ...(file.nativeBinding === undefined ? {} : { nativeBinding: file.nativeBinding }),
    ...(file.prepareDatabase === undefined ? {} : { prepareDatabase: file.prepareDatabase }),
  });
  return dataSource.initialize();
}

/** The driver itself. @throws InvalidOptionsError when it cannot be loaded */
export function loadBetterSqlite(): Promise<typeof import('better-sqlite3')> {
  return load('better-sqlite3', async () => (await import('better-sqlite3')).default);
}

async function load<T>(name: string, importIt: () => Promise<T>): Promise<T> {
  try {
    return await importIt();
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidOptionsError(
      `the SQLite store needs the package "${name}", which could not be loaded (${text}). Install it: npm install ${name}`,
      {
        cause,
      },
    );
  }
}
