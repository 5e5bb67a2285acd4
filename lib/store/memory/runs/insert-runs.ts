import { InvalidStateError } from '../../../errors.js';
import type { NewRun, RunRecord } from '../../../workflow/run-record.js';
import type { InsertRunsResult } from '../../../workflow/workflow-store.js';
import type { MemoryData } from '../memory-data.js';
import { toMemoryRun, toRunRecord } from './memory-run.js';
import { idempotencyText } from './run-data.js';

/** Inserts runs in the order given. @param retry rows whose id is there already count as inserted */
export function insertRuns(data: MemoryData, runs: readonly NewRun[], retry: boolean, now: number): InsertRunsResult {
  const known = data.runs.runs;
  const ids = new Set<string>();
  for (const { id } of runs) {
    const taken = ids.has(id) || (!retry && known.has(id));
    if (taken) throw new InvalidStateError(`there is a run ${id} already.`, 'pending');
    ids.add(id);
  }
  const existing = new Map<number, RunRecord>();
  for (const [index, run] of runs.entries()) {
    if (retry && known.has(run.id)) continue;
    const holder = run.idempotencyKey === null ? undefined : data.runs.byIdempotencyKey.get(idempotencyText(run));
    if (holder) existing.set(index, toRunRecord(holder));
    else insertRun(data, run, now);
  }
  return { now, existing };
}

/** Inserts a run that nothing stands in the way of. */
export function insertRun(data: MemoryData, run: NewRun, now: number): void {
  const row = toMemoryRun(run, now);
  data.runs.add(row);
  data.runs.wake(row, now, now, data.wakes);
}
