import type { RunId, WorkerId } from '../../../../id/ids.js';
import type { CommitRunsResult, NextState, RunCommit } from '../../../../workflow/run-commit.js';
import type { OpenWaits } from '../../../../workflow/wait.js';
import { WakeList } from '../../../wake-list.js';
import type { PgConnection } from '../pg-connection.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { plainArray, uuidArray } from '../rows.js';
import type { Tables } from '../tables.js';
import { commitText, lookText } from './commit-text.js';
import { commitValues } from './commit-values.js';
import type { PgRunHistory } from './run-history.js';
import { toRunId } from './run-rows.js';
import type { PgRunTransitions } from './run-transitions.js';

type Row = readonly [
  what: 'run' | 'woken' | 'child' | 'signal',
  id: string | null,
  name: string,
  now: number,
  wakeAt: number | null,
  wanted: number | null,
];

/** A run that has parked and is to be looked at once more. */
interface Parked {
  readonly id: RunId;
  readonly was: number;
  readonly wanted: number | null;
}

/** What a group commit has to be followed by. */
interface Written {
  readonly lost: readonly RunId[];
  readonly parked: readonly Parked[];
  readonly looked: readonly RunId[];
}

/** Writes what activations have to write. */
export class PgRunCommits {
  private readonly commitStatement: Statement;
  private readonly lookStatement: Statement;

  constructor(
    private readonly connection: PgConnection,
    tables: Tables,
    private readonly history: PgRunHistory,
    private readonly transitions: PgRunTransitions,
  ) {
    this.commitStatement = statement('commit_runs', commitText(tables));
    this.lookStatement = statement('look_again', lookText(tables));
  }

  /** @returns also what is to be told, after the commit */
  async commit(
    workerId: WorkerId,
    commits: readonly RunCommit[],
  ): Promise<CommitRunsResult & { readonly wakes: WakeList }> {
    const wakes = new WakeList();
    const batch = firstOfEach(commits);
    const retries = batch.filter(({ next }) => next?.kind === 'retry');
    const written = await this.connection.run((session) => this.write(session, workerId, batch, wakes));
    const { lost, parked, looked } = written;
    for (const commit of retries) {
      if (!lost.includes(commit.runId)) await this.retry(workerId, commit, wakes);
    }
    const open = await this.connection.run(async (session): Promise<ReadonlyMap<RunId, OpenWaits>> => {
      if (parked.length > 0) await this.lookAgain(session, parked, wakes);
      return looked.length === 0 ? new Map() : this.history.open(session, looked);
    });
    const twice = commits.filter((commit) => !batch.includes(commit)).map(({ runId }) => runId);
    return { lost: [...lost, ...twice], open, wakes };
  }

  /** The same with a transaction of the caller's, without what follows a commit. */
  async commitWith(
    session: PgSession,
    workerId: WorkerId,
    commits: readonly RunCommit[],
  ): Promise<CommitRunsResult & { readonly wakes: WakeList }> {
    const wakes = new WakeList();
    const { lost } = await this.write(session, workerId, firstOfEach(commits), wakes);
    return { lost, open: new Map(), wakes };
  }

  private async write(
    session: PgSession,
    workerId: WorkerId,
    commits: readonly RunCommit[],
    wakes: WakeList,
  ): Promise<Written> {
    const rows = await session.rows<Row>(this.commitStatement, commitValues(session.now, workerId, commits));
    const held = new Map<RunId, Row>();
    for (const row of rows) {
      const [what, id, name] = row;
      if (what === 'run') held.set(toRunId(id!), row);
      else if (what === 'signal') wakes.signal(toRunId(id!));
      else wakes.runs(name, 0);
    }
    const lost: RunId[] = [];
    const parked: Parked[] = [];
    const looked: RunId[] = [];
    for (const { runId: id, next, look } of commits) {
      const row = held.get(id);
      if (!row) {
        lost.push(id);
        continue;
      }
      const [, , name, now, wakeAt, wanted] = row;
      if (next?.kind === 'parked' && look && wakeAt !== null && wakeAt > now) parked.push({ id, was: wakeAt, wanted });
      else if (look && next === null) looked.push(id);
      if (wakeAt !== null) wakes.runs(name, wakeAt - now);
    }
    return { lost, parked, looked };
  }

  private async lookAgain(session: PgSession, parked: readonly Parked[], wakes: WakeList): Promise<void> {
    const rows = await session.rows<[string, number | null, number]>(this.lookStatement, [
      session.now,
      uuidArray(parked.map(({ id }) => id)),
      plainArray(parked.map(({ was }) => was)),
      plainArray(parked.map(({ wanted }) => wanted)),
    ]);
    for (const [name, wakeAt, now] of rows) if (wakeAt !== null) wakes.runs(name, wakeAt - now);
  }

  private async retry(workerId: WorkerId, commit: RunCommit, wakes: WakeList): Promise<void> {
    const { runId, attempt, parentRunId } = commit;
    const { error, delayMs } = commit.next as NextState & { kind: 'retry' };
    await this.connection.transaction(async (session) => {
      const locked = await this.transitions.lock(session, parentRunId === null ? [runId] : [runId, parentRunId]);
      const run = locked.find(({ id }) => id === runId);
      if (run?.attempt !== attempt || run.workerId !== workerId) return;
      await this.transitions.retryActivation(session, run, error, { delayMs, suspect: false, wakes });
    });
  }
}

/** One commit a run: of two, the second is dropped. */
function firstOfEach(commits: readonly RunCommit[]): readonly RunCommit[] {
  const seen = new Set<RunId>();
  return commits.filter(({ runId }) => !seen.has(runId) && seen.add(runId));
}
