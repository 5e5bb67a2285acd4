import type { RunId, WorkerId } from '../../../../id/ids.js';
import { type NextState, type RunCommit, endsRun } from '../../../../workflow/run-commit.js';
import { plainArray, toJson, toUuid, uuidArray } from '../rows.js';
import { NEXT } from './commit-text.js';
import { newRunValues } from './insert-runs.js';

const uuidOrNull = (id: string | null): string | null => (id === null ? null : toUuid(id));
const booleans = (items: readonly boolean[]): string => `{${items.join(',')}}`;

/** The parents that the ends of these runs concern. */
function parentsOf(commits: readonly RunCommit[]): readonly RunId[] {
  return commits.flatMap(({ next, parentRunId }) => (endsRun(next) && parentRunId !== null ? parentRunId : []));
}

/** What a commit does to its run, for {@link NEXT}. A retry is written by another statement. */
function nextOf(next: NextState | null): number {
  return next === null || next.kind === 'retry' ? NEXT.none : NEXT[next.kind];
}

function said(next: NextState | null): string | null {
  if (next === null) return null;
  if (next.kind === 'completed') return next.output;
  return 'error' in next ? toJson(next.error) : null;
}

/** Commits, one a run, as the parameters of `commitText`. */
export function commitValues(
  now: number | null,
  workerId: WorkerId,
  commits: readonly RunCommit[],
): readonly unknown[] {
  const parents = parentsOf(commits);
  const locks = [...new Set([...commits.map(({ runId }) => runId), ...parents])].sort();
  const wakes = commits.map(({ next }) => (next?.kind === 'parked' ? next.wake : null));
  const checkpoints = commits.flatMap(({ runId, checkpoints }) => checkpoints.map((each) => ({ ...each, runId })));
  const waits = commits.flatMap(({ runId, waits, checkpoints }) => {
    const over = new Set(checkpoints.map(({ key }) => key));
    return waits.filter(({ key }) => !over.has(key)).map((each) => ({ ...each, runId }));
  });
  const kept = commits.flatMap(({ runId, next }) =>
    next?.kind === 'parked' ? next.open.map((key) => ({ runId, key })) : [],
  );
  return [
    now,
    toUuid(workerId),
    uuidArray(locks),
    uuidArray(commits.map(({ runId }) => runId)),
    plainArray(commits.map(({ attempt }) => attempt)),
    plainArray(commits.map(({ next }) => nextOf(next))),
    commits.map(({ next }) => said(next)),
    commits.map(({ next }) => (next?.kind === 'compensating' ? next.target : null)),
    plainArray(wakes.map((wake) => wake?.at ?? null)),
    plainArray(wakes.map((wake) => (wake?.inMs == null ? null : Math.ceil(wake.inMs)))),
    commits.map(({ status }) => status ?? null),
    booleans(commits.map((commit) => commit.checkpoints.length > 0 || commit.next?.kind === 'parked')),
    booleans(commits.map((commit) => commit.look)),
    uuidArray(checkpoints.map(({ runId }) => runId)),
    plainArray(checkpoints.map(({ seq }) => seq)),
    plainArray(checkpoints.map(({ afterSeq }) => afterSeq)),
    booleans(checkpoints.map(({ status }) => status === 'failed')),
    booleans(checkpoints.map(({ undoable }) => undoable)),
    plainArray(checkpoints.map(({ tries }) => tries)),
    plainArray(checkpoints.map(({ elapsedMs }) => Math.round(elapsedMs))),
    plainArray(checkpoints.map(({ eventId }) => uuidOrNull(eventId))),
    checkpoints.map(({ key }) => key),
    checkpoints.map(({ error }) => toJson(error)),
    checkpoints.map(({ value }) => value),
    uuidArray(waits.map(({ runId }) => runId)),
    plainArray(waits.map(({ part }) => part)),
    waits.map(({ kind }) => kind),
    plainArray(waits.map(({ due }) => (due !== null && 'at' in due ? due.at : null))),
    plainArray(waits.map(({ due }) => (due !== null && 'inMs' in due ? Math.ceil(due.inMs) : null))),
    plainArray(waits.map(({ lookbackMs }) => Math.round(lookbackMs))),
    waits.map(({ eventName }) => eventName),
    waits.map(({ eventKey }) => eventKey),
    plainArray(waits.map(({ childRunId }) => uuidOrNull(childRunId))),
    plainArray(waits.map(({ tries }) => tries)),
    waits.map(({ error }) => toJson(error)),
    waits.map(({ key }) => key),
    ...newRunValues(commits.flatMap(({ children }) => children)),
    waits.map(({ rejected }) => uuidArray(rejected)),
    uuidArray(kept.map(({ runId }) => runId)),
    kept.map(({ key }) => key),
    uuidArray(parents),
  ];
}
