/** Our tables with their schema, quoted for use in SQL. */
export interface Tables {
  /** The schema's name, as it is. */
  readonly name: string;
  readonly schema: string;
  readonly jobs: string;
  readonly live: string;
  readonly done: string;
  readonly keys: string;
  readonly dlq: string;
  readonly workers: string;
  readonly logs: string;
  readonly runs: string;
  readonly checkpoints: string;
  readonly waits: string;
  readonly events: string;
  readonly migrations: string;
}

/** @param schema checked to be a plain name */
export function tablesOf(schema: string): Tables {
  const table = (name: string): string => `"${schema}".dispatch_${name}`;
  return {
    name: schema,
    schema: `"${schema}"`,
    jobs: table('jobs'),
    live: table('jobs_live'),
    done: table('jobs_done'),
    keys: table('unique_keys'),
    dlq: table('dlq'),
    workers: table('workers'),
    logs: table('job_logs'),
    runs: table('runs'),
    checkpoints: table('checkpoints'),
    waits: table('waits'),
    events: table('events'),
    migrations: table('migrations'),
  };
}

/** Where wake-ups of a schema are sent. */
export const channelOf = (schema: string): string => `dispatch_${schema}`;

/**
 * Where a live job waits, or waited before it was claimed. A job that has ended has no live row.
 *
 * `deferred` jobs are not due yet and stay out of the index that claims walk. `suspect` ones lost their worker and are
 * claimed one at a time. Claiming does not change the lane, nor anything else that an index is made of: so the update
 * stays within its page and writes no index.
 */
export const LANE = { ready: 0, deferred: 1, suspect: 2 } as const;

/** How ended jobs are marked in `dispatch_jobs_done`. */
export const DONE = { completed: 1, failed: 2, cancelled: 3 } as const;

/**
 * The database's time in epoch milliseconds, once per statement; the first parameter takes its place under a test clock.
 * Statements begin with it and refer to it as `(select now from clock)`, which the planner can use in an index.
 */
export const CLOCK = `clock as materialized (
  select coalesce($1::bigint, floor(extract(epoch from clock_timestamp()) * 1000)::bigint) as now)`;
