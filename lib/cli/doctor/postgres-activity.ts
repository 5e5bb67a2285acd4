import { type Finding, ok, warning } from './finding.js';
import type { Ask } from './postgres.js';

/** How many seconds a snapshot may be open before it is worth a warning. */
const OLD = 60;

/**
 * Who keeps dead rows from being cleared away: transactions, prepared ones, and slots whose reader is gone. Statements are
 * not shown, as they may hold data.
 *
 * @param old in seconds: what is younger is left out
 */
export async function postgresActivity(ask: Ask, schema: string, old = OLD): Promise<readonly Finding[]> {
  const holders = [...(await transactions(ask, old)), ...(await prepared(ask, old)), ...(await slots(ask))];
  if (holders.length === 0) return [ok('snapshots', `none is older than ${old} s`), ...(await waiting(ask, schema))];
  return [...holders, ...(await waiting(ask, schema))];
}

async function transactions(ask: Ask, old: number): Promise<readonly Finding[]> {
  const rows = await ask(
    `select pid, usename as "user", application_name as application, state,
      floor(extract(epoch from clock_timestamp() - xact_start))::int as seconds
     from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and xact_start < clock_timestamp() - make_interval(secs => $1)
       and (backend_xmin is not null or backend_xid is not null)
     order by xact_start limit 5`,
    [old],
  );
  return rows.map(({ pid, user, application, state, seconds }) =>
    warning(
      'snapshots',
      `process ${String(pid)} ("${String(application)}", user "${String(user)}", ${String(state)}) has had a transaction open for ${String(seconds)} s: dead rows since then stay, and claims walk past them`,
      `End it: select pg_terminate_backend(${String(pid)}); and keep its like short (idle_in_transaction_session_timeout, statement_timeout).`,
    ),
  );
}

async function prepared(ask: Ask, old: number): Promise<readonly Finding[]> {
  const rows = await ask(
    `select gid, floor(extract(epoch from clock_timestamp() - prepared))::int as seconds from pg_prepared_xacts
     where database = current_database() and prepared < clock_timestamp() - make_interval(secs => $1) order by prepared limit 5`,
    [old],
  );
  return rows.map(({ gid, seconds }) =>
    warning(
      'snapshots',
      `the prepared transaction ${JSON.stringify(gid)} has waited for ${String(seconds)} s: dead rows since then stay`,
      'Commit or roll it back: rollback prepared <its name>;',
    ),
  );
}

async function slots(ask: Ask): Promise<readonly Finding[]> {
  const rows = await ask(
    `select slot_name as name from pg_replication_slots
     where not active and (xmin is not null or catalog_xmin is not null) order by slot_name limit 5`,
  );
  return rows.map(({ name }) =>
    warning(
      'snapshots',
      `the replication slot "${String(name)}" has no reader: dead rows and WAL stay`,
      `Start its reader, or drop it: select pg_drop_replication_slot('${String(name)}');`,
    ),
  );
}

/** Locks that our tables are waited for with. */
async function waiting(ask: Ask, schema: string): Promise<readonly Finding[]> {
  const rows = await ask(
    `select distinct l.pid, c.relname as name from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname like 'dispatch\\_%' and l.granted and l.mode in ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')
     limit 5`,
    [schema],
  );
  return rows.map(({ pid, name }) =>
    warning(
      'locks',
      `process ${String(pid)} has locked all of ${String(name)}`,
      `See what it does in pg_stat_activity; it holds up every worker until it is done.`,
    ),
  );
}
