import fc from 'fast-check';
import { expect } from 'vitest';
import type { JobId } from '../../lib/id/ids.js';
import type { NewJob } from '../../lib/job/job-record.js';
import type { Outcome } from '../../lib/job/outcome.js';
import { compareJobs, onBoth } from './compare.js';
import type { ModelJob } from './model-state.js';
import { index, jobName, maybeScope, order, queue, scope, steps } from './step.js';
import { type World, fromNewest } from './world.js';

const text = fc.constantFrom(null, '', 'null', '{"a":1}');
const delayMs = fc.constantFrom(0, 0, 500, 5_000);
const error = fc.constantFrom({ name: 'Error', message: 'first' }, { name: 'TypeError', message: 'ü', code: 'E_X' });

const job = fc.record({
  order,
  /** Insert under an id that was used before; only for calls with `retry`. */
  sameId: fc.option(index, { nil: undefined, freq: 1 }),
  /** Relative to the clock. */
  due: fc.option(fc.constantFrom(-1_000, 0, 2_000), { nil: null, freq: 1 }),
  scope,
  facts: fc.record({
    queue,
    name: jobName,
    payload: text,
    priority: fc.constantFrom(0, 0, 5, -3),
    maxRetries: fc.constantFrom(0, 1, 3),
    timeoutMs: fc.constantFrom(0, 30_000),
    backoff: fc.constantFrom(null, { type: 'constant', initial: 100 } as const),
    groupKey: fc.constantFrom(null, 'group'),
    headers: fc.constantFrom(null, { trace: 'x' }),
    delayMs,
    uniqueKey: fc.constantFrom(null, null, 'k', 'l'),
    uniqueForMs: fc.constantFrom(null, null, 800, 3_000),
    onConflict: fc.constantFrom('ignore', 'ignore', 'replace', 'replace', 'error'),
  }),
});

function toNewJob(world: World, now: number, { order, due, scope, facts }: JobChoice, id?: JobId): NewJob {
  return world.newJob(order, {
    ...facts,
    ...(id ? { id } : {}),
    scopeAppId: scope.appId,
    scopeOrgId: scope.orgId,
    runAt: due === null ? null : now + due,
  });
}

type JobChoice = typeof job extends fc.Arbitrary<infer Choice> ? Choice : never;

export const insertJobs = steps(
  'insertJobs',
  fc.record({ retry: fc.boolean(), jobs: fc.array(job, { minLength: 1, maxLength: 4, size: 'max' }) }),
  async (model, world, { retry, jobs }) => {
    const given = jobs.map((choice) => {
      const id = retry && choice.sameId !== undefined ? fromNewest(world.jobIds, choice.sameId) : undefined;
      return toNewJob(world, model.now, choice, id);
    });
    const answers = await onBoth(
      () => world.store.insertJobs(given, retry ? { retry } : undefined),
      () => model.insertJobs(given, retry),
    );
    if (!answers) return;
    const { real, expected } = answers;
    expect(real.now).toBe(model.now);
    expect([...real.conflicts.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [at, conflict] of expected) {
      expect(real.conflicts.get(at)!.kind).toBe(conflict.kind);
      compareJobs([real.conflicts.get(at)!.job], [conflict.job]);
    }
  },
);

const queueClaims = fc
  .subarray(['one', 'two'], { minLength: 1 })
  .chain((names) =>
    fc
      .shuffledSubarray(names, { minLength: names.length })
      .chain((queues) =>
        fc.tuple(...queues.map((name) => fc.record({ queue: fc.constant(name), limit: fc.constantFrom(0, 1, 2, 5) }))),
      ),
  );

export const claimJobs = steps(
  'claimJobs',
  fc.record({
    worker: index,
    queues: queueClaims,
    names: fc.constantFrom(['a', 'b'], ['a', 'b'], ['a'], []),
    limit: fc.constantFrom(5, 5, 3, 1),
    suspectLimit: fc.constantFrom(1, 1, 0, 2),
  }),
  async (model, world, { worker, ...rest }) => {
    const workerId = fromNewest(world.workerIds, worker) ?? world.newWorker(0).id;
    const request = { workerId, ...rest };
    const row = model.state.workers.get(workerId);
    const real = await world.store.claimJobs(request);
    expect(real.workerAlive).toBe(row !== undefined && row.state !== 'dead');
    const taken = model.claimJobs(request);
    expect(real.jobs.map(({ id }) => id)).toEqual(taken.map(({ id }) => id));
    for (const [at, claimed] of real.jobs.entries())
      expect(claimedView(taken[at]!)).toMatchObject(claimedView(claimed));
    expect([...real.suspects].sort()).toEqual(taken.flatMap(({ id, suspect }) => (suspect ? id : [])).sort());
    const mayClaim = row?.state === 'active' && model.isAlive(workerId);
    if (mayClaim && taken.length < request.limit) expect(real.nextDueInMs).toBe(model.nextDueInMs(request));
    for (const { id, attempt } of taken) world.fences.push({ id, attempt, workerId });
  },
);

/** What a claim says of a job, but for the key: its former holder may still name it. */
function claimedView<Job extends object>(claimed: Job): Omit<Job, 'uniqueKey'> {
  const { uniqueKey: _uniqueKey, ...rest } = claimed as Job & { readonly uniqueKey?: unknown };
  return rest;
}

const outcome = fc.oneof(
  fc.record({ kind: fc.constant('completed' as const), result: text }),
  fc.record({ kind: fc.constant('retry' as const), delayMs, error }),
  fc.record({ kind: fc.constant('failed' as const), error, order }),
  fc.record({ kind: fc.constant('snoozed' as const), delayMs }),
  fc.record({ kind: fc.constant('released' as const) }),
  fc.record({ kind: fc.constant('cancelled' as const) }),
  fc.record({ kind: fc.constant('cancelled' as const), reason: error }),
);

const settlement = fc.record({ fence: index, outcome });

export const settleJobs = steps(
  'settleJobs',
  fc.record({ first: settlement, more: fc.array(settlement, { maxLength: 3, size: 'max' }), stale: fc.boolean() }),
  async (model, world, { first, more, stale }) => {
    const by = world.fence(model, first.fence, !stale);
    if (!by) return;
    const settlements = [first, ...more].flatMap(({ fence, outcome }) => {
      const held = world.fence(model, fence, !stale)!;
      return [{ id: held.id, attempt: held.attempt, outcome: toOutcome(world, outcome) }];
    });
    const real = await world.store.settleJobs(by.workerId, settlements);
    const expected = model.settleJobs(by.workerId, settlements);
    expect([...real.lost].sort()).toEqual([...expected.lost].sort());
    expect([...real.cancelled].sort()).toEqual([...expected.cancelled].sort());
  },
);

function toOutcome(world: World, choice: typeof outcome extends fc.Arbitrary<infer Choice> ? Choice : never): Outcome {
  if (choice.kind !== 'failed') return choice;
  return { kind: 'failed', error: choice.error, dlqId: world.newDlqId(choice.order) };
}

const report = fc.record(
  {
    fence: index,
    progress: fc.constantFrom('1', 'null', '{"done":5}'),
    logs: fc.array(fc.record({ level: fc.constantFrom('info', 'error'), message: fc.constantFrom('', 'ä', 'line') }), {
      maxLength: 2,
    }),
  },
  { requiredKeys: ['fence'] },
);

export const reportJobs = steps(
  'reportJobs',
  fc.record({ reports: fc.array(report, { minLength: 1, maxLength: 3 }), stale: fc.boolean() }),
  async (model, world, { reports, stale }) => {
    const by = world.fence(model, reports[0]!.fence, !stale);
    if (!by) return;
    const given = reports.map(({ fence, ...rest }) => {
      const { id, attempt } = world.fence(model, fence, !stale)!;
      return { id, attempt, ...rest };
    });
    await world.store.reportJobs(by.workerId, given);
    model.reportJobs(by.workerId, given);
    for (const { id } of given) await compareLogs(model.state, world, id);
  },
);

async function compareLogs(
  state: { readonly logs: ReadonlyMap<JobId, unknown> },
  world: World,
  id: JobId,
): Promise<void> {
  expect(await world.store.listJobLogs(id)).toEqual(state.logs.get(id) ?? []);
}

const target = fc.record({ job: index, scope: maybeScope });

/** An id that no store has seen. */
const unknownJob = (world: World): JobId => world.newJobId(0);

export const cancelJob = steps('cancelJob', target, async (model, world, { job, scope }) => {
  const id = fromNewest(world.jobIds, job) ?? unknownJob(world);
  const answers = await onBoth(
    () => world.store.cancelJob(id, scope),
    () => model.cancelJob(id, scope),
  );
  if (!answers) return;
  expect(answers.real.kind).toBe(answers.expected);
  compareJobs([answers.real.job], [model.state.jobs.get(id)!]);
});

export const retryJob = steps('retryJob', target, async (model, world, { job, scope }) => {
  const id = fromNewest(world.jobIds, job) ?? unknownJob(world);
  const answers = await onBoth(
    () => world.store.retryJob(id, scope),
    () => model.retryJob(id, scope),
  );
  if (answers) compareJobs([answers.real], [model.state.jobs.get(id)!]);
});

export const discardJob = steps('discardJob', target, async (model, world, { job, scope }) => {
  const id = fromNewest(world.jobIds, job) ?? unknownJob(world);
  await onBoth(
    () => world.store.discardJob(id, scope),
    () => model.discardJob(id, scope),
  );
  await compareLogs(model.state, world, id);
});

export const getJob = steps('getJob', target, async (model, world, { job, scope }) => {
  const id = fromNewest(world.jobIds, job) ?? unknownJob(world);
  const found: ModelJob | undefined = model.jobs.find(
    (row) => row.id === id && (!scope || (row.scopeAppId === scope.appId && row.scopeOrgId === scope.orgId)),
  );
  const record = await world.store.getJob(id, scope);
  compareJobs(record ? [record] : [], found ? [found] : []);
});
