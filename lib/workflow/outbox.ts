import type { NewCheckpoint } from './checkpoint.js';
import type { NextState, RunCommit } from './run-commit.js';
import type { ClaimedRun, NewRun } from './run-record.js';
import type { NewWait, OpenWaits } from './wait.js';

/** What became of a commit. */
export type Committed = { readonly kind: 'written'; readonly open: OpenWaits | undefined } | { readonly kind: 'lost' };

/** Writes what an activation has to write; shares commits with others. Rejects only for what will never be written. */
export type CommitRun = (commit: RunCommit) => Promise<Committed>;

/** A commit of a run that writes nothing. */
export function bareCommit({ id, attempt, generation, parentKey, parentRunId }: ClaimedRun): RunCommit {
  return {
    runId: id,
    attempt,
    generation,
    parentRunId: parentKey?.startsWith('child:') ? parentRunId : null,
    checkpoints: [],
    waits: [],
    children: [],
    next: null,
    look: false,
  };
}

/**
 * What an activation has to write, collected until somebody needs it on disk: before a side effect, and at its end. So the
 * records between two side effects share a commit, and one commit of a run is under way at a time.
 */
export class Outbox {
  private checkpoints: NewCheckpoint[] = [];
  private waits = new Map<string, NewWait>();
  private children: NewRun[] = [];
  private status: string | undefined;
  private tail: Promise<unknown> = Promise.resolve();
  private writing = 0;
  private scheduled = false;
  private closed = false;

  /**
   * @param commit writes it
   * @param onTrouble the lease is lost (`undefined`), or the store refuses what is to be written
   */
  constructor(
    private readonly run: ClaimedRun,
    private readonly commit: CommitRun,
    private readonly onTrouble: (error: unknown) => void,
  ) {}

  record(checkpoint: NewCheckpoint): void {
    this.checkpoints.push(checkpoint);
    for (const id of this.waits.keys()) if (this.waits.get(id)!.key === checkpoint.key) this.waits.delete(id);
    this.soon();
  }

  /** A wait that is new, or has changed. */
  wait(wait: NewWait): void {
    this.waits.set(`${wait.part} ${wait.key}`, wait);
  }

  child(child: NewRun): void {
    this.children.push(child);
  }

  setStatus(status: string): void {
    this.status = status;
    this.soon();
  }

  private get isEmpty(): boolean {
    return (
      this.checkpoints.length === 0 && this.waits.size === 0 && this.children.length === 0 && this.status === undefined
    );
  }

  /** Resolves when all that was recorded is on disk; never when it could not be written. */
  async barrier(): Promise<void> {
    if (this.isEmpty && this.writing === 0) return;
    await this.flush(null, false);
  }

  /** Writes what is there, and where the run goes. Resolves with nothing when it could not be written; `onTrouble` knows. */
  flush(next: NextState | null, look: boolean): Promise<Committed> {
    this.writing += 1;
    const flushed = this.tail
      .then(() => this.write(next, look))
      .finally(() => {
        this.writing -= 1;
      });
    this.tail = flushed.catch(() => undefined);
    return flushed;
  }

  /** Nothing is written any more. */
  close(): void {
    this.closed = true;
  }

  private async write(next: NextState | null, look: boolean): Promise<Committed> {
    if (this.closed) return new Promise<never>(() => undefined);
    if (next === null && !look && this.isEmpty) return { kind: 'written', open: undefined };
    let committed: Committed | undefined;
    let error: unknown;
    try {
      committed = await this.commit(this.contents(next, look));
    } catch (thrown) {
      error = thrown ?? new Error('the store refused a commit');
    }
    if (committed?.kind === 'written') return committed;
    this.close();
    this.onTrouble(error);
    return new Promise<never>(() => undefined);
  }

  private contents(next: NextState | null, look: boolean): RunCommit {
    const { run, checkpoints, waits, children, status } = this;
    this.checkpoints = [];
    this.waits = new Map();
    this.children = [];
    this.status = undefined;
    return {
      ...bareCommit(run),
      checkpoints,
      waits: [...waits.values()],
      children,
      ...(status === undefined ? {} : { status }),
      next,
      look,
    };
  }

  /** Writes at the end of the turn what nobody has asked for by then. */
  private soon(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (!this.closed && !this.isEmpty) void this.flush(null, false);
    });
  }
}
