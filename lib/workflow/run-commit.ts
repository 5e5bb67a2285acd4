import type { RunId } from '../id/ids.js';
import type { ErrorRecord } from '../job/job-error.js';
import type { NewCheckpoint } from './checkpoint.js';
import type { NewRun } from './run-record.js';
import type { NewWait, OpenWaits } from './wait.js';

/** Where a run goes when its activation is over, or turns around. All but `compensating` let the run go. */
export type NextState =
  /** It waits: due at the earliest of its waits. `open` names every key it waits for; other waits of the run are dropped. */
  | { readonly kind: 'parked'; readonly open: readonly string[]; readonly wake: WakeTime | null }
  | { readonly kind: 'completed'; readonly output: string | null }
  | { readonly kind: 'failed'; readonly error: ErrorRecord }
  | { readonly kind: 'cancelled'; readonly error: ErrorRecord | null }
  /** It undoes its steps from now on, whoever goes on with it, and then ends as `target`. The worker keeps it. */
  | { readonly kind: 'compensating'; readonly error: ErrorRecord; readonly target: 'failed' | 'cancelled' }
  /** The activation failed, not the workflow: another one follows. One more than `maxRetries` in a row fail the run. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly error: ErrorRecord }
  /** It cannot go on until somebody resumes it, as the code does not fit its history. */
  | { readonly kind: 'stuck'; readonly error: ErrorRecord }
  /** Handed back, as on shutdown: due at once, no retry spent. */
  | { readonly kind: 'released' };

/** The earliest end of a run's waits: a time, a delay that is added to the store's clock, or the earlier of both. */
export interface WakeTime {
  readonly at: number | null;
  readonly inMs: number | null;
}

/** What one activation has to write, all of it or nothing. */
export interface RunCommit {
  readonly runId: RunId;
  /** With the worker's id, the fence. */
  readonly attempt: number;
  readonly generation: number;
  readonly parentRunId: RunId | null;
  /** In the order of `seq`. One whose `seq` is there already was written by an earlier call whose answer was lost. */
  readonly checkpoints: readonly NewCheckpoint[];
  readonly waits: readonly NewWait[];
  /** Runs to start. One whose id or whose parent's key is there already is left as it is. */
  readonly children: readonly NewRun[];
  /** JSON; left out when unchanged. */
  readonly status?: string;
  readonly next: NextState | null;
  /**
   * Whether something may have come of its waits, which is looked for once the commit is done: told in the result, or,
   * when it parks, the reason to be due at once. Not needed where it waits for nothing but time.
   */
  readonly look: boolean;
}

export interface CommitRunsResult {
  /** Commits that were dropped: the run is no longer held by this worker and attempt. */
  readonly lost: readonly RunId[];
  /** Of the commits that asked for it. */
  readonly open: ReadonlyMap<RunId, OpenWaits>;
}

/** Whether this is the end of the run. */
export function endsRun(next: NextState | null): boolean {
  return next?.kind === 'completed' || next?.kind === 'failed' || next?.kind === 'cancelled';
}
