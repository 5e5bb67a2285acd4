import type { WorkerId } from '../../../id/ids.js';
import type { HeldRun } from '../../../workflow/run-record.js';
import type { MemoryData } from '../memory-data.js';
import type { MemoryRun } from './memory-run.js';

/** The run, if this worker and attempt hold it. */
export function heldRun(data: MemoryData, workerId: WorkerId, { id, attempt }: HeldRun): MemoryRun | undefined {
  const run = data.runs.runs.get(id);
  return run?.workerId === workerId && run.attempt === attempt ? run : undefined;
}
