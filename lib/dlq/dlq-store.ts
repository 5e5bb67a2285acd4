import type { DlqId, JobId } from '../id/ids.js';
import type { JobRecord } from '../job/job-record.js';
import type { Scope } from '../scope/scope.js';
import type { DlqEntryRecord } from './dlq-entry.js';

export interface DlqFilter {
  readonly queue?: string;
  readonly name?: string;
  /** `open`: not replayed yet; `replayed`; left out: both. */
  readonly status?: 'open' | 'replayed';
  readonly scope?: Scope;
}

/** The seed's `dlq.ListOpts`. */
export interface ListDlqOptions extends DlqFilter {
  /** Most rows; default 50, at most 1000. */
  readonly limit?: number;
  readonly cursor?: string;
  readonly offset?: number;
}

export interface DlqPage {
  readonly entries: readonly DlqEntryRecord[];
  /** Left out on the last page. */
  readonly nextCursor?: string;
}

export interface ReplayDlqOptions {
  /** The id of the job to insert. */
  readonly jobId: JobId;
  /** Takes the place of the entry's payload; `null` for none; left out: the entry's own. */
  readonly payload?: { readonly text: string | null; readonly codec: string };
  /** Replay although it was replayed before. */
  readonly force?: boolean;
  readonly scope?: Scope;
}

/** The dead-letter queue of a store (the seed's `DLQStore`). Entries are written by the job's own transition. */
export interface DlqStore {
  /** Newest failure first, by (failed time, id). @throws InvalidOptionsError for a cursor that is not one of ours */
  listDlq(options?: ListDlqOptions): Promise<DlqPage>;

  getDlqEntry(id: DlqId, scope?: Scope): Promise<DlqEntryRecord | null>;

  countDlq(options?: DlqFilter): Promise<number>;

  /**
   * Inserts a new pending job from an entry, with its name, queue, priority, timeout, backoff, headers, group and
   * scope, no retries spent, and closes the entry, in one transaction. Of two replays at the same time one wins.
   *
   * @throws DlqEntryNotFoundError
   * @throws InvalidStateError when it was replayed before and `force` is not set
   */
  replayDlqEntry(id: DlqId, options: ReplayDlqOptions): Promise<JobRecord>;

  /** Deletes entries that failed longer ago than `olderThanMs`. @returns how many were deleted */
  purgeDlq(options: { readonly olderThanMs: number; readonly limit: number; readonly scope?: Scope }): Promise<number>;
}
