import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newWorkerId } from '../../../lib/id/ids.js';
import type { ClaimRequest } from '../../../lib/job/job-store.js';
import { type MemoryJob, toMemoryJob } from '../../../lib/store/memory/memory-job.js';
import { WaitingJobs } from '../../../lib/store/memory/waiting-jobs.js';
import { newJob } from '../../../lib/testing/store-contract/fixtures.js';

const QUEUES = ['a', 'b'] as const;
const NAMES = ['x', 'y', 'z'] as const;

/** What a claim takes, by sorting everything: slow and plainly right. */
function expected(waiting: readonly MemoryJob[], request: ClaimRequest, now: number): readonly MemoryJob[] {
  const taken: MemoryJob[] = [];
  let suspectsLeft = request.suspectLimit;
  for (const { queue, limit } of request.queues) {
    const due = waiting
      .filter((job) => job.queue === queue && request.names.includes(job.name) && job.runAt <= now)
      .toSorted((a, b) => b.priority - a.priority || a.runAt - b.runAt || (a.id < b.id ? -1 : 1));
    let left = Math.min(limit, request.limit - taken.length);
    for (const job of due) {
      if (left === 0) break;
      if (job.suspect && suspectsLeft-- <= 0) continue;
      taken.push(job);
      left -= 1;
    }
  }
  return taken;
}

const job = fc.record({
  queue: fc.constantFrom(...QUEUES),
  name: fc.constantFrom(...NAMES),
  priority: fc.integer({ min: 0, max: 2 }),
  delayMs: fc.integer({ min: 0, max: 30 }),
  suspect: fc.boolean(),
});

const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), job }),
  fc.record({ kind: fc.constant('remove' as const), index: fc.nat(50) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(10) }),
  fc.record({
    kind: fc.constant('claim' as const),
    limits: fc.tuple(fc.nat(4), fc.nat(4)),
    names: fc.subarray([...NAMES]),
    limit: fc.nat(6),
    suspectLimit: fc.nat(2),
  }),
);

describe('WaitingJobs', () => {
  it('hands out what sorting all jobs would, through any course of additions, removals and claims', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const jobs = new WaitingJobs();
        let waiting: MemoryJob[] = [];
        let now = 1_000;
        for (const action of steps) {
          if (action.kind === 'add') {
            const { suspect, ...facts } = action.job;
            const added = { ...toMemoryJob(newJob(facts), now), suspect };
            jobs.add(added, now);
            waiting.push(added);
          } else if (action.kind === 'remove') {
            const removed = waiting[action.index];
            if (removed) jobs.remove(removed);
            waiting = waiting.filter((other) => other !== removed);
          } else if (action.kind === 'pass') {
            now += action.ms;
          } else {
            const { limits, names, limit, suspectLimit } = action;
            const queues = QUEUES.map((queue, index) => ({ queue, limit: limits[index]! }));
            const request = { workerId: newWorkerId(), queues, names, limit, suspectLimit };
            const taken = expected(waiting, request, now);
            expect(jobs.take(request, now).map(({ id }) => id)).toEqual(taken.map(({ id }) => id));
            waiting = waiting.filter((other) => !taken.includes(other));
            const next = waiting
              .filter(({ name }) => (names as readonly string[]).includes(name))
              .map(({ runAt }) => Math.max(0, runAt - now));
            expect(jobs.nextDueInMs(request, now)).toBe(next.length > 0 ? Math.min(...next) : null);
          }
        }
      }),
    );
  });
});
