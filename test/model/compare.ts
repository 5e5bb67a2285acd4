import { expect } from 'vitest';
import type { DlqEntryRecord } from '../../lib/dlq/dlq-entry.js';
import type { JobErrorRecord } from '../../lib/job/job-error.js';
import type { JobRecord } from '../../lib/job/job-record.js';
import type { Store } from '../../lib/store/store.js';
import { type ModelJob, Refused, compareText, isWaiting } from './model-state.js';
import type { ReferenceModel } from './reference-model.js';

/** More rows than a run can make. */
const ALL = 1_000;

/** Fails unless what a store says of jobs is what the model says, in the same order. */
export function compareJobs(records: readonly JobRecord[], jobs: readonly ModelJob[]): void {
  expect(records.map(({ id }) => id)).toEqual(jobs.map(({ id }) => id));
  for (const [index, job] of jobs.entries()) expect(view(records[index]!, job)).toEqual(view(recordOf(job), job));
}

/** Fails unless what a store says of dead-letter entries is what the model says, in the same order. */
export function compareEntries(entries: readonly DlqEntryRecord[], expected: readonly DlqEntryRecord[]): void {
  const views = [entries, expected].map((rows) => rows.map((row) => ({ ...row, errors: row.errors.map(errorView) })));
  expect(views[0]).toEqual(views[1]);
}

/** Fails unless the store holds what the model holds. */
export async function compareEverything(store: Store, model: ReferenceModel): Promise<void> {
  const { jobs } = await store.listJobs({ limit: ALL, order: 'asc' });
  compareJobs(jobs, oldestFirst(model.jobs));
  compareEntries((await store.listDlq({ limit: ALL })).entries, newestFirst([...model.state.dlq.values()]));
  const workers = [...(await store.listWorkers())].sort((a, b) => compareText(a.id, b.id));
  const expected = [...model.state.workers.values()]
    .map((worker) => ({ ...worker, state: model.isAlive(worker.id) ? worker.state : 'dead' }))
    .sort((a, b) => compareText(a.id, b.id));
  expect(workers).toEqual(expected);
}

/** Jobs in the order of an ascending list. */
export function oldestFirst(jobs: readonly ModelJob[]): readonly ModelJob[] {
  return [...jobs].sort((a, b) => a.createdAt - b.createdAt || compareText(a.id, b.id));
}

/** Entries in the order of a list. */
export function newestFirst(entries: readonly DlqEntryRecord[]): readonly DlqEntryRecord[] {
  return [...entries].sort((a, b) => b.failedAt - a.failedAt || compareText(b.id, a.id));
}

/** Runs a call on both sides. @returns both answers, or `undefined` when both refused it for the same reason */
export async function onBoth<Real, Expected>(
  real: () => Promise<Real>,
  model: () => Expected,
): Promise<{ readonly real: Real; readonly expected: Expected } | undefined> {
  const answer = await real().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  try {
    const expected = model();
    if ('error' in answer) throw answer.error;
    return { real: answer.value, expected };
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    expect('error' in answer ? (answer.error as { code?: unknown }).code : 'no error').toBe(refused.code);
    return undefined;
  }
}

function recordOf(job: ModelJob): JobRecord {
  const { suspect: _suspect, holdsKey: _holdsKey, lostKey: _lostKey, ...record } = job;
  return record;
}

/** A record without what the contract leaves to the store. */
function view(record: JobRecord, job: ModelJob): object {
  const keyIsOpen = job.lostKey;
  return {
    ...record,
    errors: record.errors.map(errorView),
    startedAt:
      isWaiting(job) || (job.state === 'cancelled' && job.cancelRequestedAt === null) ? 'open' : record.startedAt,
    uniqueKey: keyIsOpen ? 'open' : record.uniqueKey,
    uniqueUntil: keyIsOpen ? 'open' : record.uniqueUntil,
    updatedAt: keyIsOpen ? 'open' : record.updatedAt,
  };
}

function errorView(error: JobErrorRecord): JobErrorRecord {
  if (error.code !== 'WORKER_LOST') return error;
  const { name, code, attempt, at } = error;
  return { name, message: '', code, attempt, at };
}
