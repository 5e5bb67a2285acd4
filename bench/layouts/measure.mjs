import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100; // USER_HZ, the same on every Linux that Node runs on

function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return {
      parent: Number(fields[1]),
      own: Number(fields[11]) + Number(fields[12]),
      ended: Number(fields[13]) + Number(fields[14]),
    };
  } catch {
    return null;
  }
}

/**
 * Processor microseconds used so far by the postmaster and its children, the ended ones included
 * (the postmaster reaps them, so they are in its own sum of ended children).
 */
export function postgresCpuUs(postmaster) {
  const main = statOf(postmaster);
  if (main === null) throw new Error('measure: the postmaster is gone, or this is not Linux (no /proc).');
  let ticks = main.own + main.ended;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = statOf(entry);
    if (stat !== null && stat.parent === postmaster) ticks += stat.own;
  }
  return (ticks * 1e6) / TICKS_PER_SECOND;
}

/** Runs `work` between two readings; figures are per job. */
export async function measured({ admin, pid }, jobs, work) {
  const lsn = async () => (await admin.query('select pg_current_wal_insert_lsn() as at')).rows[0].at;
  const walBefore = await lsn();
  const pgBefore = postgresCpuUs(pid);
  const clientBefore = process.cpuUsage();
  const started = process.hrtime.bigint();
  await work();
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const client = process.cpuUsage(clientBefore);
  const pgUs = postgresCpuUs(pid) - pgBefore;
  const { rows } = await admin.query('select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1) as bytes', [walBefore]);
  return {
    jobsPerSecond: jobs / seconds,
    pgUs: pgUs / jobs,
    clientUs: (client.user + client.system) / jobs,
    walBytes: Number(rows[0].bytes) / jobs,
  };
}

/** Size of the layout's tables with their indexes, in bytes, and dead rows as the server counts them. */
export async function bloat(admin, tables) {
  await admin.query('select pg_stat_force_next_flush()');
  const { rows } = await admin.query(
    `select sum(pg_total_relation_size(relid)) as bytes, sum(n_dead_tup) as dead
     from pg_stat_user_tables where relname = any($1)`,
    [tables],
  );
  return { bytes: Number(rows[0].bytes), dead: Number(rows[0].dead) };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
