import { type JobId, type WorkerId, newJobId, newWorkerId } from '../../lib/id/ids.js';
import type { SettleResult } from '../../lib/job/job-store.js';
import type { Outcome, Settlement } from '../../lib/job/outcome.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { Settler } from '../../lib/worker/settler.js';

export const COMPLETED: Outcome = { kind: 'completed', result: '1' };
export const NOTHING: SettleResult = { lost: [], cancelled: [] };
export const W1 = newWorkerId();
export const W2 = newWorkerId();

export type Answer = (settlements: readonly Settlement[]) => Promise<SettleResult>;

/** A settler whose store answers as the test says. */
export function setup({ windowMs = 0, maxBatch = 1_000 } = {}) {
  const clock = new TestClock(0);
  const calls: { readonly workerId: WorkerId; readonly settlements: readonly Settlement[] }[] = [];
  const answers: Answer[] = [];
  const told: string[] = [];
  const errors: { readonly error: unknown; readonly count: number }[] = [];
  const names = new Map<JobId, string>();
  let always: Answer = async () => NOTHING;
  const settler = new Settler<string>({
    clock,
    windowMs,
    maxBatch,
    store: {
      async settleJobs(workerId, settlements) {
        calls.push({ workerId, settlements });
        return (answers.shift() ?? always)(settlements);
      },
    },
    onSettled: (item, _settlement, how) => told.push(`${item} ${how}`),
    onSimplified: (item) => told.push(`${item} simplified`),
    onError: (error, count) => errors.push({ error, count }),
  });
  const add = (item: string, outcome: Outcome = COMPLETED, workerId = W1): JobId => {
    const id = newJobId();
    names.set(id, item);
    settler.add({ workerId, item, settlement: { id, attempt: 1, outcome } });
    return id;
  };
  return {
    clock,
    settler,
    add,
    calls,
    told,
    errors,
    answer: (...next: Answer[]) => void answers.push(...next),
    answerAlways: (next: Answer) => void (always = next),
    batches: () => calls.map(({ settlements }) => settlements.map(({ id }) => names.get(id))),
    /** Lets everything happen that needs no time. */
    turn: () => clock.advance(0),
    nameOf: (id: JobId) => names.get(id),
  };
}
