import fc from 'fast-check';
import { expect } from 'vitest';
import { JOB_STATES } from '../../lib/job/job-state.js';
import { compareEntries, compareJobs, newestFirst, oldestFirst, onBoth } from './compare.js';
import { isInScope } from './model-state.js';
import type { ReferenceModel } from './reference-model.js';
import { index, jobName, maybeScope, order, queue, steps } from './step.js';
import { type World, fromNewest } from './world.js';

const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined, freq: 1 });
const page = { limit: fc.constantFrom(1, 2, 5, 1_000), offset: fc.constantFrom(0, 0, 1) };

/** What was given, without what was left out. */
function given<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}

const jobFilter = fc.record({ queue: optional(queue), name: optional(jobName), scope: maybeScope });

/** Jobs by filter, a page after the other. */
export const listJobs = steps(
  'listJobs',
  fc.record({
    filter: jobFilter,
    states: optional(fc.subarray([...JOB_STATES], { minLength: 1 })),
    since: optional(fc.constantFrom(0, 2_000)),
    until: optional(fc.constantFrom(0, 2_000)),
    order: fc.constantFrom('asc', 'desc'),
    ...page,
  }),
  async (model, world, { filter, states, since, until, order, limit, offset }) => {
    const times = { since: since && model.now - since, until: until && model.now - until };
    const expected = oldestFirst(model.jobs).filter(
      (job) =>
        (states?.includes(job.state) ?? true) &&
        (filter.queue ?? job.queue) === job.queue &&
        (filter.name ?? job.name) === job.name &&
        isInScope(job, filter.scope) &&
        job.createdAt >= (times.since ?? 0) &&
        job.createdAt < (times.until ?? Number.POSITIVE_INFINITY),
    );
    const ordered = (order === 'asc' ? expected : [...expected].reverse()).slice(offset);
    const options = given({ ...filter, ...times, states, order, limit });
    for (let at = 0, cursor: string | undefined; ; at += limit) {
      const { jobs, nextCursor } = await world.store.listJobs(cursor ? { ...options, cursor } : { ...options, offset });
      compareJobs(jobs, ordered.slice(at, at + limit));
      expect(nextCursor !== undefined).toBe(ordered.length > at + limit);
      if (nextCursor === undefined) return;
      cursor = nextCursor;
    }
  },
);

export const countJobs = steps('countJobs', jobFilter, async (model, world, filter) => {
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0]));
  for (const job of model.jobs) {
    if (
      (filter.queue ?? job.queue) === job.queue &&
      (filter.name ?? job.name) === job.name &&
      isInScope(job, filter.scope)
    )
      counts[job.state]! += 1;
  }
  expect(await world.store.countJobs(given(filter))).toEqual(counts);
});

export const listJobLogs = steps(
  'listJobLogs',
  fc.record({ job: index, scope: maybeScope, limit: fc.constantFrom(1, 1_000) }),
  async (model, world, { job: at, scope, limit }) => {
    const id = fromNewest(world.jobIds, at);
    if (id === undefined) return;
    const job = model.state.jobs.get(id);
    const lines = job && isInScope(job, scope) ? (model.state.logs.get(id) ?? []) : [];
    expect(await world.store.listJobLogs(id, given({ scope, limit }))).toEqual(lines.slice(0, limit));
  },
);

const dlqFilter = fc.record({
  queue: optional(queue),
  name: optional(jobName),
  status: optional(fc.constantFrom('open' as const, 'replayed' as const)),
  scope: maybeScope,
});
type DlqFilterChoice = typeof dlqFilter extends fc.Arbitrary<infer Choice> ? Choice : never;

const entriesOf = (model: ReferenceModel, { queue, name, status, scope }: DlqFilterChoice) =>
  newestFirst([...model.state.dlq.values()]).filter(
    (entry) =>
      (queue ?? entry.queue) === entry.queue &&
      (name ?? entry.jobName) === entry.jobName &&
      (status === undefined || (status === 'open') === (entry.replayedAt === null)) &&
      isInScope(entry, scope),
  );

export const listDlq = steps('listDlq', fc.record({ filter: dlqFilter, ...page }), async (model, world, choice) => {
  const expected = entriesOf(model, choice.filter).slice(choice.offset);
  const options = given({ ...choice.filter, limit: choice.limit });
  for (let at = 0, cursor: string | undefined; ; at += choice.limit) {
    const { entries, nextCursor } = await world.store.listDlq(
      cursor ? { ...options, cursor } : { ...options, offset: choice.offset },
    );
    compareEntries(entries, expected.slice(at, at + choice.limit));
    expect(nextCursor !== undefined).toBe(expected.length > at + choice.limit);
    if (nextCursor === undefined) return;
    cursor = nextCursor;
  }
});

export const countDlq = steps('countDlq', dlqFilter, async (model, world, filter) => {
  expect(await world.store.countDlq(given(filter))).toBe(entriesOf(model, filter).length);
});

const dlqIdOf = (world: World, at: number) => fromNewest(world.dlqIds, at) ?? world.newDlqId(0);

export const getDlqEntry = steps(
  'getDlqEntry',
  fc.record({ entry: index, scope: maybeScope }),
  async (model, world, { entry, scope }) => {
    const id = dlqIdOf(world, entry);
    const found = model.state.dlq.get(id);
    const real = await world.store.getDlqEntry(id, scope);
    compareEntries(real ? [real] : [], found && isInScope(found, scope) ? [found] : []);
  },
);

export const replayDlqEntry = steps(
  'replayDlqEntry',
  fc.record({
    entry: index,
    order,
    scope: maybeScope,
    force: optional(fc.boolean()),
    payload: optional(fc.constantFrom({ text: null, codec: 'json' }, { text: '"other"', codec: 'other' })),
  }),
  async (model, world, { entry, order, ...rest }) => {
    const id = dlqIdOf(world, entry);
    const options = { jobId: world.newJobId(order), ...given(rest) };
    const answers = await onBoth(
      () => world.store.replayDlqEntry(id, options),
      () => model.replayDlqEntry(id, options),
    );
    if (answers) compareJobs([answers.real], [model.state.jobs.get(options.jobId)!]);
  },
);
