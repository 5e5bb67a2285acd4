import { toErrorRecord } from '../job/job-error.js';
import type { NewCheckpoint } from './checkpoint.js';
import type { StepEnd } from './step-runner.js';

/** What the maker of a checkpoint knows of it. */
export type Made = Omit<NewCheckpoint, 'seq' | 'afterSeq'>;

const BARE = { undoable: false, tries: 1, elapsedMs: 0, eventId: null, error: null } as const;

/** A call that came to its result. @param value encoded */
export function completed(value: string | null, more: Partial<Made> = {}): Omit<Made, 'key'> {
  return { ...BARE, status: 'completed', value, ...more };
}

/** A call that failed, for what is no step. */
export function failedBy(thrown: unknown): Omit<Made, 'key'> {
  return { ...BARE, status: 'failed', value: null, error: toErrorRecord(thrown) };
}

/** What is to be recorded of a step; `undefined` when it was cut off. */
export function madeOf(end: StepEnd, undoable: boolean): Omit<Made, 'key'> | undefined {
  switch (end.kind) {
    case 'cut':
      return undefined;
    case 'done':
      return completed(end.value, { undoable, tries: end.tries, elapsedMs: end.elapsedMs });
    case 'failed': {
      const { error, tries, elapsedMs } = end;
      return { ...BARE, status: 'failed', value: null, error, tries, elapsedMs, undoable };
    }
  }
}
