import { LANE, type Tables } from '../tables.js';

/**
 * SQL: the running jobs `l` that meet a condition (id, attempt, worker_id). Running jobs keep the lane they were claimed from,
 * so they are found along the indexes of these two, whatever else is deferred.
 */
export const runningOf = (t: Tables, condition: string): string =>
  [LANE.ready, LANE.suspect]
    .map(
      (lane) => `
    select l.id, l.attempt, l.worker_id from ${t.live} l
    where l.lane = ${lane} and l.running and l.worker_id is not null and ${condition}`,
    )
    .join(' union all ');
