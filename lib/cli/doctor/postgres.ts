import { loadPg } from '../../store/typeorm/postgres/load-drivers.js';
import type { Database } from '../database.js';
import { migrationsOf } from '../open-store.js';
import { type Finding, aboutMigrations, note, ok, problem } from './finding.js';
import { postgresActivity } from './postgres-activity.js';
import { postgresRights } from './postgres-rights.js';
import { postgresSettings } from './postgres-settings.js';

export type PostgresDatabase = Extract<Database, { readonly type: 'postgres' }>;

/** Runs a statement. @returns its rows by column name */
export type Ask = (text: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

/** How long a connection and each question may take, in milliseconds. */
const LIMIT_MS = 10_000;

/** How far the server's clock may be from ours. */
const SKEW_MS = 2_000;

/** What to do about the codes that a refused connection comes with. */
const REMEDIES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Is the server running, and are host and port right?',
  ENOTFOUND: 'Check the host name of the address.',
  ETIMEDOUT: 'Check the host of the address, and the firewall between it and this machine.',
  '28P01': 'Check user and password of the address. Special characters of a password are to be percent-encoded.',
  '28000': 'Let this user in from this host in pg_hba.conf; servers that insist on TLS need ?sslmode=require.',
  '3D000': 'Create the database, or name another one at the end of the address.',
  '53300': 'Raise max_connections, or lower the pools of the applications.',
};

/** Everything that can be told about a PostgreSQL database with a few questions. Changes nothing. */
export async function examinePostgres(database: PostgresDatabase): Promise<readonly Finding[]> {
  const { Client } = (await loadPg()).default;
  const client = new Client({
    connectionString: database.url,
    application_name: 'nestjs-dispatch doctor',
    connectionTimeoutMillis: LIMIT_MS,
    statement_timeout: LIMIT_MS,
    query_timeout: LIMIT_MS,
  });
  // A connection that is lost between two questions fails the next one.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    return [refused(error)];
  }
  const ask: Ask = async (text, values = []) => (await client.query<Record<string, unknown>>(text, [...values])).rows;
  try {
    const findings: Finding[] = [...(await server(ask))];
    const parts: readonly [string, () => Promise<readonly Finding[]>][] = [
      ['migrations', async () => [aboutMigrations(await migrationsOf(database))]],
      ['rights', () => postgresRights(ask, database.schema)],
      ['clock', () => clock(ask)],
      ['settings', () => postgresSettings(ask, database.schema)],
      ['activity', () => postgresActivity(ask, database.schema)],
    ];
    for (const [about, examine] of parts) findings.push(...(await examined(about, examine)));
    return findings;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** What one part cannot find out keeps the others from nothing. */
async function examined(about: string, examine: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await examine();
  } catch (error) {
    return [
      problem(
        about,
        `could not be examined: ${(error as Error).message}`,
        'Run the doctor as a user with more rights.',
      ),
    ];
  }
}

function refused(error: unknown): Finding {
  const { code = '', message } = error as Error & { code?: string };
  const text = message || code;
  return problem('connection', `refused: ${text}`, REMEDIES[code] ?? 'Check the address: --url, or DATABASE_URL.');
}

async function server(ask: Ask): Promise<readonly Finding[]> {
  const [row] = await ask(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
      current_database() as database, current_user as "user"`,
  );
  const { version, number, database, user } = row as {
    version: string;
    number: number;
    database: string;
    user: string;
  };
  const connected = ok('connection', `database "${database}" as user "${user}"`);
  if (number < 120_000) {
    return [connected, problem('version', `PostgreSQL ${version}`, 'Dispatch needs PostgreSQL 12 or later.')];
  }
  if (number >= 160_000) return [connected, ok('version', `PostgreSQL ${version}`)];
  const remedy = 'Upgrade to 16 or later when you can: there, claiming a job writes no index.';
  return [connected, note('version', `PostgreSQL ${version}: claims cost more than they have to`, remedy)];
}

async function clock(ask: Ask): Promise<readonly Finding[]> {
  const before = Date.now();
  const [row] = await ask('select (extract(epoch from clock_timestamp()) * 1000)::float8 as now');
  const skew = Number(row?.['now']) - (before + Date.now()) / 2;
  const text = `the server's clock is ${Math.abs(Math.round(skew))} ms ${skew < 0 ? 'behind' : 'ahead of'} this machine's`;
  if (Math.abs(skew) <= SKEW_MS) return [ok('clock', text)];
  return [
    note(
      'clock',
      text,
      'Jobs go by the server, so leases and delays are right all the same; only a runAt computed here is off. Run NTP on both.',
    ),
  ];
}
