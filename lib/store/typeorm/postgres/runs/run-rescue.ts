import { WorkerLostError } from '../../../../errors.js';
import type { WorkerId } from '../../../../id/ids.js';
import type { RescuedRun } from '../../../../workflow/workflow-store.js';
import { WakeList } from '../../../wake-list.js';
import type { PgConnection } from '../pg-connection.js';
import { type Statement, statement } from '../pg-session.js';
import { plainArray, toWorkerId } from '../rows.js';
import { CLOCK, type Tables } from '../tables.js';
import type { Acted } from './run-actions.js';
import { type RunRow, runColumns, toRunId, toRunRecord } from './run-rows.js';
import type { PgRunTransitions } from './run-transitions.js';

/** Takes runs back from dead workers. */
export class PgRunRescue {
  private readonly declareDead: Statement;
  private readonly orphans: Statement;
  private readonly lock: Statement;

  constructor(
    private readonly connection: PgConnection,
    tables: Tables,
    private readonly transitions: PgRunTransitions,
  ) {
    const t = tables;
    // Mostly there is nothing to do: then this is all.
    this.declareDead = statement(
      'declare_dead',
      `with ${CLOCK},
       died as (
         update ${t.workers} set state = 'dead' where id in (
           select id from ${t.workers} where state <> 'dead' and lease_expires_at <= (select now from clock)
           order by id for update skip locked)
         returning id)
       select exists (
         select 1 from ${t.runs} r where r.worker_id is not null and (
           r.worker_id in (select id from died)
           or not exists (select 1 from ${t.workers} w where w.id = r.worker_id and w.state <> 'dead')))`,
    );
    this.orphans = statement(
      'orphaned_runs',
      `select id, worker_id, attempt from ${t.runs} r
       where worker_id is not null and not exists (select 1 from ${t.workers} w where w.id = r.worker_id and w.state <> 'dead')
       limit $1`,
    );
    // Under the fence: one that is being committed at this moment is left to the commit.
    this.lock = statement(
      'lock_orphans',
      `select ${runColumns('l')} from unnest($1::uuid[], $2::uuid[], $3::int[]) as o (id, worker_id, attempt) cross join lateral (
         select * from ${t.runs} where id = o.id and worker_id = o.worker_id and attempt = o.attempt for update skip locked) as l`,
    );
  }

  async rescue(limit: number): Promise<Acted<readonly RescuedRun[]>> {
    const wakes = new WakeList();
    const found = await this.connection.run((session) => session.row<[boolean]>(this.declareDead, [session.now]));
    if (!found?.[0]) return { result: [], wakes };
    const result = await this.connection.transaction(async (session): Promise<readonly RescuedRun[]> => {
      const found = await session.rows<[string, string, number]>(this.orphans, [limit]);
      if (found.length === 0) return [];
      const orphans = found.toSorted(([a], [b]) => (a < b ? -1 : 1));
      const rows = await session.rows<RunRow>(
        this.lock,
        [0, 1, 2].map((column) => plainArray(orphans.map((row) => row[column]!))),
      );
      const held = new Map<string, WorkerId>(rows.map((row) => [row[0], toWorkerId(row[24]!)]));
      for (const row of rows) {
        const run = toRunRecord(row);
        const { name, message, code } = new WorkerLostError(`worker ${run.workerId} died or lost its lease.`);
        await this.transitions.retryActivation(
          session,
          run,
          { name, message, code },
          { delayMs: 0, suspect: true, wakes },
        );
      }
      const freed = await this.transitions.lock(session, [...held.keys()].map(toRunId));
      return freed.map((run) => ({ run, workerId: held.get(rows.find((row) => toRunId(row[0]) === run.id)![0])! }));
    });
    return { result, wakes };
  }
}
