import { InvalidStateError } from '../../../../errors.js';
import type { NewRun, RunRecord } from '../../../../workflow/run-record.js';
import type { InsertRunsResult } from '../../../../workflow/workflow-store.js';
import { type PgSession, type Statement, statement } from '../pg-session.js';
import { plainArray, toJson, toUuid } from '../rows.js';
import { keyHash } from '../sql/unique-keys.js';
import { CLOCK, type Tables } from '../tables.js';
import { type RunRow, runColumns, toRunRecord } from './run-rows.js';

const TYPES = `uuid text int bigint smallint uuid text text text text text text text text`.split(' ');
const NAMES =
  `id name version timeout_ms max_retries parent_run_id parent_key on_parent_cancel idempotency_key headers codec
  scope_app_id scope_org_id input`.split(/\s+/);

/** How many parameters {@link newRunValues} returns. */
export const NEW_RUN_PARAMETERS = TYPES.length;

/** SQL: runs to insert as rows. @param first number of the first of their parameters */
export const newRunRows = (first: number): string =>
  `unnest(${TYPES.map((type, index) => `$${first + index}::${type}[]`).join(', ')}) as n (${NAMES.join(', ')})`;

/** SQL: the columns that {@link newRunSelect} fills. */
export const NEW_RUN_COLUMNS = `${NAMES.join(', ')}, state, wake_at, created_at, updated_at, idempotency_hash`;

const hash = keyHash('n.scope_app_id', 'n.scope_org_id', 'n.name', 'n.idempotency_key');

/** SQL: the values of a new run, of the rows `n` and the time. */
export const newRunSelect = (now: string): string =>
  `${NAMES.map((name) => `n.${name}`).join(', ')}, 'pending', ${now}, ${now}, ${now},
   case when n.idempotency_key is not null then ${hash} end`;

/** Runs as the parameters of {@link newRunRows}. */
export function newRunValues(runs: readonly NewRun[]): readonly unknown[] {
  return [
    plainArray(runs.map(({ id }) => toUuid(id))),
    runs.map(({ name }) => name),
    plainArray(runs.map(({ version }) => version)),
    plainArray(runs.map(({ timeoutMs }) => timeoutMs)),
    plainArray(runs.map(({ maxRetries }) => maxRetries)),
    plainArray(runs.map(({ parentRunId }) => (parentRunId === null ? null : toUuid(parentRunId)))),
    runs.map(({ parentKey }) => parentKey),
    runs.map(({ onParentCancel }) => onParentCancel),
    runs.map(({ idempotencyKey }) => idempotencyKey),
    runs.map(({ headers }) => toJson(headers)),
    runs.map(({ codec }) => codec),
    runs.map(({ scopeAppId }) => scopeAppId),
    runs.map(({ scopeOrgId }) => scopeOrgId),
    runs.map(({ input }) => input),
  ];
}

/** Inserts in the order of ids, which two calls with the same keys need to wait for each other in one direction only. */
const insertText = (t: Tables): string => `
with ${CLOCK},
inserted as (
  insert into ${t.runs} (${NEW_RUN_COLUMNS})
  select ${newRunSelect('(select now from clock)')} from ${newRunRows(2)}
  order by case when n.idempotency_key is not null then ${hash} end, n.id
  on conflict do nothing
  returning id)
select clock.now, inserted.id from clock left join inserted on true`;

/** What stands in the way of runs: one of their ids, or the holder of their key. Parameters as of the insert, from the first. */
const holdersText = (t: Tables): string => `
select n.id, ${runColumns('r')} from ${newRunRows(1)} cross join lateral (
  select * from ${t.runs} where id = n.id
  union all
  select * from ${t.runs} where n.idempotency_key is not null and id <> n.id and idempotency_hash = ${hash}
  limit 1) as r`;

/** Tries to insert runs whose keys come and go meanwhile. */
const TRIES = 10;

/** Inserts runs. */
export class PgRunInserts {
  private readonly insertStatement: Statement;
  private readonly holdersStatement: Statement;

  constructor(tables: Tables) {
    this.insertStatement = statement('insert_runs', insertText(tables));
    this.holdersStatement = statement('run_holders', holdersText(tables));
  }

  async insert(session: PgSession, runs: readonly NewRun[], retry: boolean): Promise<InsertRunsResult> {
    const existing = new Map<number, RunRecord>();
    let open = [...runs.entries()];
    for (let attempt = 1; ; attempt++) {
      const values = newRunValues(open.map(([, run]) => run));
      const rows = await session.rows<[number, string | null]>(this.insertStatement, [session.now, ...values]);
      const inserted = new Set(rows.map(([, id]) => id));
      open = open.filter(([, run]) => !inserted.has(toUuid(run.id)));
      if (open.length > 0) open = await this.decide(session, open, retry, existing);
      if (open.length === 0) return { now: rows[0]![0], existing };
      if (attempt >= TRIES) throw new Error('idempotency keys changed hands too often to decide who has them');
    }
  }

  /** @returns those that nothing stands in the way of any more */
  private async decide(
    session: PgSession,
    open: [number, NewRun][],
    retry: boolean,
    existing: Map<number, RunRecord>,
  ): Promise<[number, NewRun][]> {
    const rows = await session.rows<[string, ...RunRow]>(
      this.holdersStatement,
      newRunValues(open.map(([, run]) => run)),
    );
    const holders = new Map(rows.map(([id, ...row]) => [id, toRunRecord(row)]));
    return open.filter(([index, run]) => {
      const holder = holders.get(toUuid(run.id));
      if (!holder) return true;
      if (holder.id !== run.id) existing.set(index, holder);
      else if (!retry) throw new InvalidStateError(`there is a run ${run.id} already.`, holder.state);
      return false;
    });
  }
}
