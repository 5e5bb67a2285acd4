import type { JudgeLine } from './judge-log.js';

/** What was noted outside the store about one attempt of one job. */
export interface Attempt {
  /** When it was started, once for each start: epoch milliseconds of this machine. */
  readonly startedAt: number[];
  /** The leases it was started under. */
  readonly leases: Set<string>;
  returned: boolean;
  /** How often the store was said to have taken its completion. */
  accepted: number;
}

/** The attempts of every job by number, by the id of the job. */
export type AttemptsByJob = ReadonlyMap<string, ReadonlyMap<number, Attempt>>;

/** Sorts the log by job and attempt. */
export function attemptsOf(log: readonly JudgeLine[]): AttemptsByJob {
  const all = new Map<string, Map<number, Attempt>>();
  for (const { event, id, attempt, lease, at, how } of log) {
    let ofJob = all.get(id);
    if (!ofJob) all.set(id, (ofJob = new Map<number, Attempt>()));
    let one = ofJob.get(attempt);
    if (!one) ofJob.set(attempt, (one = { startedAt: [], leases: new Set(), returned: false, accepted: 0 }));
    if (event === 'start') {
      one.startedAt.push(at);
      one.leases.add(lease);
    } else if (event === 'accepted') one.accepted += 1;
    else if (how === 'returned') one.returned = true;
  }
  return all;
}
