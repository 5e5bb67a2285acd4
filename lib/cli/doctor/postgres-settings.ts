import { type Finding, note, ok, problem, warning } from './finding.js';
import type { Ask } from './postgres.js';

/** Connections that an application with one process needs at least: the engine's own, a listener, a heartbeat. */
const FREE_CONNECTIONS = 10;

interface Settings {
  readonly synchronousCommit: string;
  readonly fsync: string;
  readonly autovacuum: string;
  readonly trackCounts: string;
  readonly maxConnections: number;
  readonly connections: number;
  readonly encoding: string;
}

/** Settings of the server, and of this user and database, that lose work or make it slow. */
export async function postgresSettings(ask: Ask, schema: string): Promise<readonly Finding[]> {
  const [settings] = await ask(
    `select current_setting('synchronous_commit') as "synchronousCommit", current_setting('fsync') as fsync,
      current_setting('autovacuum') as autovacuum, current_setting('track_counts') as "trackCounts",
      current_setting('max_connections')::int as "maxConnections", (select count(*)::int from pg_stat_activity) as connections,
      pg_encoding_to_char(encoding) as encoding
     from pg_database where datname = current_database()`,
  );
  const { synchronousCommit, fsync, autovacuum, trackCounts, maxConnections, connections, encoding } =
    settings as unknown as Settings;
  const findings: Finding[] = [];
  if (synchronousCommit === 'off') {
    findings.push(
      warning(
        'synchronous_commit',
        'off: a crash of the server can lose jobs whose enqueue has returned',
        'alter database <name> set synchronous_commit to on;',
      ),
    );
  }
  if (fsync === 'off') {
    const remedy = 'Set fsync = on in postgresql.conf, unless the data may be lost.';
    findings.push(warning('fsync', 'off: a power failure can destroy the database', remedy));
  }
  if (autovacuum === 'off' || trackCounts === 'off') {
    const remedy = 'Set autovacuum = on and track_counts = on in postgresql.conf.';
    findings.push(warning('autovacuum', 'off: dead rows pile up, and claims walk past them', remedy));
  }
  findings.push(...(await tableSettings(ask, schema)));
  if (encoding !== 'UTF8') {
    const text = `the database's encoding is ${encoding}: payloads with other characters are refused`;
    findings.push(problem('encoding', text, "Create the database with encoding 'UTF8'."));
  }
  if (maxConnections - connections < FREE_CONNECTIONS) {
    const text = `${connections} of ${maxConnections} connections are taken`;
    findings.push(
      warning('connections', text, 'Raise max_connections, lower pools, or use a pooler such as pgbouncer.'),
    );
  }
  return findings.length === 0 ? [ok('settings', 'durable, vacuumed, with connections to spare')] : findings;
}

async function tableSettings(ask: Ask, schema: string): Promise<readonly Finding[]> {
  const off = await ask(
    `select relname as name from pg_class join pg_namespace n on n.oid = relnamespace
     where nspname = $1 and relname like 'dispatch\\_%' and 'autovacuum_enabled=false' = any (reloptions) order by relname`,
    [schema],
  );
  const bloated = await ask(
    `select relname as name, n_dead_tup::int as dead, n_live_tup::int as live from pg_stat_user_tables
     where schemaname = $1 and relname like 'dispatch\\_%' and n_dead_tup > 100000 and n_dead_tup > 5 * n_live_tup
     order by relname`,
    [schema],
  );
  return [
    ...off.map(({ name }) =>
      warning(
        'autovacuum',
        `switched off for ${String(name)}: dead rows pile up, and claims walk past them`,
        `alter table "${schema}".${String(name)} reset (autovacuum_enabled);`,
      ),
    ),
    ...bloated.map(({ name, dead, live }) =>
      note(
        'dead rows',
        `${String(name)} has ${String(dead)} dead rows beside ${String(live)} live ones`,
        `vacuum "${schema}".${String(name)}; if that frees none, something holds an old snapshot.`,
      ),
    ),
  ];
}
