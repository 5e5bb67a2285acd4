import { join, resolve } from 'node:path';

/** Where the sample keeps things and how its worker runs. */
export interface Settings {
  /** A PostgreSQL URL; `undefined`: a SQLite file in `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** Holds the SQLite file and the invoices. */
  readonly dataDir: string;
  /** Base URL of the mail gateway. */
  readonly mailUrl: string;
  /** Jobs at a time in this process; 0: it only enqueues. */
  readonly concurrency: number;
  /** How long a silent process keeps its jobs, and how often it says that it is alive; in milliseconds. */
  readonly lease: number;
  readonly heartbeat: number;
  /** Whether this process makes the tables of the application; only one of several should. */
  readonly createTables: boolean;
}

/** A variable of the environment; `undefined` also when it is empty. */
export function fromEnvironment(name: string): string | undefined {
  const value = process.env[name];
  return value === '' ? undefined : value;
}

/** The settings that the environment asks for. */
export function readSettings(): Settings {
  return {
    databaseUrl: fromEnvironment('DATABASE_URL'),
    dataDir: resolve(fromEnvironment('DATA_DIR') ?? join('.tmp', '01-jobs')),
    mailUrl: fromEnvironment('MAIL_URL') ?? 'http://127.0.0.1:2525',
    concurrency: Number(fromEnvironment('CONCURRENCY') ?? 8),
    lease: Number(fromEnvironment('LEASE_MS') ?? 15_000),
    heartbeat: Number(fromEnvironment('HEARTBEAT_MS') ?? 5_000),
    createTables: fromEnvironment('CREATE_TABLES') !== 'no',
  };
}

/** The folder of the finished invoices. */
export function invoiceDirOf({ dataDir }: Pick<Settings, 'dataDir'>): string {
  return join(dataDir, 'invoices');
}
