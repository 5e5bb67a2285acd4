import type { ClaimRequest } from '../../job/job-store.js';
import { Lane, ranksBefore } from './lane.js';
import type { MemoryJob, WaitingPlace } from './memory-job.js';

/**
 * The jobs that wait, in lanes by queue and name: names that a claim does not ask for are not in its way, however
 * many they are.
 */
export class WaitingJobs {
  private readonly queues = new Map<string, Map<string, Lane>>();

  add(job: MemoryJob, now: number): void {
    let lanes = this.queues.get(job.queue);
    if (!lanes) this.queues.set(job.queue, (lanes = new Map<string, Lane>()));
    let lane = lanes.get(job.name);
    if (!lane) lanes.set(job.name, (lane = new Lane()));
    lane.add(job, now);
  }

  /** Takes a waiting job out; one that does not wait is left alone. */
  remove(job: MemoryJob): void {
    if (job.place) this.queues.get(job.queue)?.get(job.name)?.remove(job);
  }

  /** Takes out what a claim may have, in its order. */
  take(request: ClaimRequest, now: number): readonly MemoryJob[] {
    const taken: MemoryJob[] = [];
    let suspectsLeft = request.suspectLimit;
    const left = new Map(request.nameLimits?.map(({ name, limit }) => [name, limit]));
    for (const { queue, limit } of request.queues) {
      let lanes = this.lanesOf(queue, withRoom(request.names, left));
      const end = Math.min(taken.length + limit, request.limit);
      while (taken.length < end) {
        const next = firstOf(lanes, now, suspectsLeft > 0);
        if (!next) break;
        const job = next.lane.take(next.place);
        if (job.suspect) suspectsLeft -= 1;
        taken.push(job);
        const room = left.get(job.name);
        if (room === undefined) continue;
        left.set(job.name, room - 1);
        if (room <= 1) lanes = lanes.filter((lane) => lane !== next.lane);
      }
    }
    return taken;
  }

  /** Milliseconds until the next job that the claim asked for is due; `null` when none waits. */
  nextDueInMs({ queues, names }: ClaimRequest, now: number): number | null {
    let next: number | null = null;
    for (const { queue } of queues) {
      for (const lane of this.lanesOf(queue, names)) {
        const due = lane.nextDue(now);
        if (due !== null && (next === null || due < next)) next = due;
      }
    }
    return next === null ? null : next - now;
  }

  private lanesOf(queue: string, names: readonly string[]): readonly Lane[] {
    const lanes = this.queues.get(queue);
    return lanes ? names.flatMap((name) => lanes.get(name) ?? []) : [];
  }
}

/** The names of which jobs may still be taken. */
function withRoom(names: readonly string[], left: ReadonlyMap<string, number>): readonly string[] {
  return left.size === 0 ? names : names.filter((name) => (left.get(name) ?? 1) > 0);
}

function firstOf(
  lanes: readonly Lane[],
  now: number,
  withSuspects: boolean,
): { readonly lane: Lane; readonly place: WaitingPlace } | undefined {
  let first: { readonly lane: Lane; readonly place: WaitingPlace } | undefined;
  for (const lane of lanes) {
    const place = lane.first(now, withSuspects);
    if (place && (!first || ranksBefore(place, first.place))) first = { lane, place };
  }
  return first;
}
