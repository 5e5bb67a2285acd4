import type { Evidence } from './verdict.js';

/** A figure of the report: it is shown, and breaks no rule. */
export type Figure = readonly [name: string, value: string];

/** What is worth knowing about a run beside whether it was clean. */
export function figures({ stored, log, deaths }: Evidence): readonly Figure[] {
  const by = (state: string): number => stored.jobs.filter((job) => job.state === state).length;
  const starts = log.filter(({ event }) => event === 'start');
  const ended = new Map(stored.jobs.map((job) => [job.id as string, job.completedAt?.getTime() ?? Infinity]));
  const late = starts.filter(({ id, at }) => at > (ended.get(id) ?? Infinity)).length;
  const lostWorker = stored.jobs.reduce((sum, { errors }) => sum + errors.filter(isWorkerLost).length, 0);
  return [
    ['jobs stored', String(stored.jobs.length)],
    ['completed / failed / cancelled', `${by('completed')} / ${by('failed')} / ${by('cancelled')}`],
    ['dead-letter entries', String(stored.dlq.length)],
    ['failed by lost workers alone', String(stored.dlq.filter(({ errors }) => errors.every(isWorkerLost)).length)],
    ['handler starts', String(starts.length)],
    ['starts after the job had ended', String(late)],
    ['attempts taken back from a lost worker', String(lostWorker)],
    ['processes: killed / by a job / could not start', countDeaths(deaths)],
    ['from kill to rescue', rescueTimes(stored, starts, deaths)],
  ];
}

function countDeaths(deaths: Evidence['deaths']): string {
  const count = (how: string): number => deaths.filter((death) => death.how === how).length;
  return `${count('killed')} / ${count('by-job')} / ${count('no-start')}`;
}

/** From the end of the process that ran an attempt to the moment that the store took the attempt back. */
function rescueTimes(stored: Evidence['stored'], starts: Evidence['log'], deaths: Evidence['deaths']): string {
  const diedAt = new Map(deaths.map(({ pid, at }) => [pid, at]));
  const ranBy = new Map(starts.map(({ id, attempt, pid }) => [`${id} ${attempt}`, pid]));
  const times: number[] = [];
  for (const { id, errors } of stored.jobs) {
    for (const { code, attempt, at } of errors) {
      const pid = ranBy.get(`${id} ${attempt}`);
      const died = pid === undefined ? undefined : diedAt.get(pid);
      // Taken back before its end: that process had been frozen or had stood still past its lease.
      if (code === WORKER_LOST && died !== undefined && at >= died) times.push(at - died);
    }
  }
  if (times.length === 0) return 'none';
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.ceil(times.length * share) - 1]!;
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (${times.length} jobs)`;
}

const WORKER_LOST = 'WORKER_LOST';

function isWorkerLost({ code }: { readonly code?: string }): boolean {
  return code === WORKER_LOST;
}
