import type { JobId, RunId, WorkerId } from '../../../id/ids.js';
import type { Wake } from '../../store.js';
import type { Session } from './session.js';

/** How often the file is looked at for the commits of others. */
const LOOK_EVERY_MS = 75;

// Held in an index of running jobs with a request: nothing to read while nobody cancels.
const CANCELLING = `SELECT id, worker_id FROM dispatch_jobs WHERE state = 'running' AND cancel_requested_at IS NOT NULL`;

const CANCELLING_RUNS = `
  SELECT id, worker_id FROM dispatch_runs WHERE worker_id IS NOT NULL AND cancel_requested_at IS NOT NULL`;

interface CancellingRun {
  readonly id: RunId;
  readonly worker_id: WorkerId;
}

interface Cancelling {
  readonly id: JobId;
  readonly worker_id: WorkerId;
}

/**
 * Notices that another connection has changed the file. `PRAGMA data_version` does not change for our own
 * connection's commits, so that we never wake ourselves. A real timer: other processes write by the machine's clock.
 */
export class FileWatch {
  private timer: NodeJS.Timeout | null = null;
  private version: unknown = null;
  private told: ReadonlySet<JobId | RunId> = new Set();

  /**
   * @param session the engine's, or `null` while it may not be used
   * @param tell hears what may have happened
   */
  constructor(
    private readonly session: () => Session | null,
    private readonly tell: (wake: Wake) => void,
  ) {}

  start(): void {
    if (this.timer) return;
    this.version = null;
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.timer.unref();
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }

  private look(): void {
    const session = this.session();
    if (!session) return;
    try {
      const version = session.sql('PRAGMA data_version').pluck().get();
      // The first look tells as well: what was written before it, nobody has heard of.
      const changed = version !== this.version;
      this.version = version;
      if (changed) this.tellChange(session);
    } catch {
      // A locked or broken file shows in the next operation, which has somebody to tell. Look again later.
    }
  }

  private tellChange(session: Session): void {
    const cancelling = session.sql<Cancelling>(CANCELLING).all();
    for (const { id, worker_id } of cancelling) {
      if (!this.told.has(id)) this.tell({ kind: 'cancel', jobId: id, workerId: worker_id });
    }
    const runs = session.sql<CancellingRun>(CANCELLING_RUNS).all();
    for (const { id, worker_id } of runs) {
      if (!this.told.has(id)) this.tell({ kind: 'cancel-run', runId: id, workerId: worker_id });
    }
    this.told = new Set([...cancelling, ...runs].map(({ id }) => id));
    this.tell({ kind: 'ready', queues: [] });
    this.tell({ kind: 'runs', names: [] });
    this.tell({ kind: 'signal', runIds: [] });
  }
}
