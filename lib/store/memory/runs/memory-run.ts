import type { ErrorRecord } from '../../../job/job-error.js';
import type { CheckpointRecord } from '../../../workflow/checkpoint.js';
import type { NewRun, RunRecord } from '../../../workflow/run-record.js';
import { toNewRunRecord } from '../../../workflow/to-run-record.js';
import type { WaitRecord } from '../../../workflow/wait.js';
import { copyHeaders } from '../memory-job.js';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Where a run that is due by time stands; `run` is `null` once it has left. */
export interface DuePlace {
  run: MemoryRun | null;
  readonly at: number;
  readonly id: string;
}

/** A wait inside the memory store. */
export interface MemoryWait extends Writable<WaitRecord> {
  /** Events published before are not for it. */
  readonly sinceAt: number;
}

/** A run inside the memory store. It never leaves it: what leaves is a copy. */
export interface MemoryRun extends Writable<RunRecord> {
  suspect: boolean;
  place: DuePlace | null;
  /** Of every generation. */
  readonly checkpoints: CheckpointRecord[];
  waits: MemoryWait[];
}

/** A run to insert as the store keeps it. */
export function toMemoryRun(run: NewRun, now: number): MemoryRun {
  const record = toNewRunRecord(run, now);
  return { ...record, headers: copyHeaders(run.headers), suspect: false, place: null, checkpoints: [], waits: [] };
}

/** The run as it is now, for a caller. */
export function toRunRecord(run: MemoryRun): RunRecord {
  const { suspect: _suspect, place: _place, checkpoints: _checkpoints, waits: _waits, ...record } = run;
  return { ...record, headers: copyHeaders(run.headers), error: copyError(run.error) };
}

/** An error as the other stores keep it: as JSON. */
export function copyError(error: ErrorRecord | null): ErrorRecord | null {
  return error && (JSON.parse(JSON.stringify(error)) as ErrorRecord);
}

/** The checkpoints that count. */
export function currentCheckpoints(run: MemoryRun): readonly CheckpointRecord[] {
  return run.checkpoints.filter(({ generation }) => generation === run.generation);
}
