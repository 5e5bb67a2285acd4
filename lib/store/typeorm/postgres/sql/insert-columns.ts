import type { NewJob } from '../../../../job/job-record.js';
import { plainArray, toJson, toUuid } from '../rows.js';

type Value = string | number | null;

interface Column {
  readonly name: string;
  readonly type: 'uuid' | 'text' | 'smallint' | 'bigint';
  readonly of: (job: NewJob) => Value;
}

const column = (name: string, type: Column['type'], of: Column['of']): Column => ({ name, type, of });

/**
 * The columns of an insert, in groups that usually are alike for all jobs of a call or not alike together. Whether a group
 * is alike decides the statement: so there are few, and each stays prepared.
 */
const GROUPS: readonly (readonly Column[])[] = [
  [column('id', 'uuid', ({ id }) => toUuid(id)), column('payload', 'text', ({ payload }) => payload)],
  [
    column('name', 'text', ({ name }) => name),
    column('queue', 'text', ({ queue }) => queue),
    column('codec', 'text', ({ codec }) => codec),
    column('priority', 'smallint', ({ priority }) => priority),
    column('max_retries', 'smallint', ({ maxRetries }) => maxRetries),
    column('timeout_ms', 'bigint', ({ timeoutMs }) => timeoutMs),
    column('run_at', 'bigint', ({ runAt }) => runAt),
    column('delay', 'bigint', ({ delayMs }) => Math.ceil(delayMs)),
  ],
  [
    column('scope_app_id', 'text', ({ scopeAppId }) => scopeAppId),
    column('scope_org_id', 'text', ({ scopeOrgId }) => scopeOrgId),
    column('unique_key', 'text', ({ uniqueKey }) => uniqueKey),
    column('lasts', 'bigint', ({ uniqueForMs }) => uniqueForMs),
    column('group_key', 'text', ({ groupKey }) => groupKey),
    column('headers', 'text', ({ headers }) => toJson(headers)),
    column('backoff', 'text', ({ backoff }) => toJson(backoff)),
    column('cron_id', 'uuid', ({ cronId }) => (cronId === null ? null : toUuid(cronId))),
    column('cron_at', 'bigint', ({ cronAt }) => cronAt),
  ],
];

/** How many parameters {@link toColumns} gives. */
export const COLUMN_COUNT = GROUPS.flat().length;

/** For each group of columns, whether its values come as arrays, one element a job. */
export type InsertShape = readonly boolean[];

export const shapeKey = (shape: InsertShape): string => shape.map(Number).join('');

/** Jobs as the parameters of an insert, after the first. */
export function toColumns(jobs: readonly NewJob[]): {
  readonly shape: InsertShape;
  readonly values: readonly unknown[];
} {
  const shape: boolean[] = [];
  const values: unknown[] = [];
  for (const group of GROUPS) {
    const varies = jobs.length > 1 && !group.every(({ of }) => isAlike(jobs, of));
    shape.push(varies);
    for (const { type, of } of group) {
      if (!varies) values.push(of(jobs[0]!));
      else values.push(type === 'text' ? jobs.map(of) : plainArray(jobs.map(of)));
    }
  }
  return { shape, values };
}

/** SQL: the new rows, from parameters in the order of {@link toColumns}. The first parameter is somebody else's. */
export function newRows(shape: InsertShape): string {
  const selected: string[] = [];
  const arrays: string[] = [];
  const names: string[] = [];
  let parameter = 1;
  for (const [index, group] of GROUPS.entries()) {
    for (const { name, type } of group) {
      parameter += 1;
      if (shape[index]) {
        arrays.push(`$${parameter}::${type}[]`);
        names.push(name);
        selected.push(`u.${name}`);
      } else {
        selected.push(`$${parameter}::${type} as ${name}`);
      }
    }
  }
  const from = arrays.length === 0 ? '' : ` from unnest(${arrays.join(', ')}) as u (${names.join(', ')})`;
  return `select ${selected.join(', ')}${from}`;
}

function isAlike(jobs: readonly NewJob[], of: Column['of']): boolean {
  const first = of(jobs[0]!);
  for (let i = 1; i < jobs.length; i++) if (of(jobs[i]!) !== first) return false;
  return true;
}
