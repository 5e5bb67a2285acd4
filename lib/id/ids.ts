import { isTypeId, newTypeId } from './type-id.js';

/** The prefix of each kind of id (the seed's `PrefixJob`, `PrefixRun`, ...). */
export const ID_PREFIX = {
  job: 'job',
  run: 'run',
  cron: 'cron',
  dlq: 'dlq',
  event: 'evt',
  worker: 'wkr',
  checkpoint: 'chk',
} as const;

declare const brand: unique symbol;

type Branded<Prefix extends string> = `${Prefix}_${string}` & { readonly [brand]: Prefix };

export type JobId = Branded<'job'>;
export type RunId = Branded<'run'>;
export type CronId = Branded<'cron'>;
export type DlqId = Branded<'dlq'>;
export type EventId = Branded<'evt'>;
export type WorkerId = Branded<'wkr'>;
export type CheckpointId = Branded<'chk'>;

/** Thrown when a text that should be an id is not one. The text names the expected form. */
export class InvalidIdError extends TypeError {
  readonly code = 'INVALID_ID';
  readonly status = 400;
  /** As errors of `http-errors`: frameworks that know those answer with this status and the text. */
  readonly statusCode = 400;
  readonly expose = true;

  constructor(value: unknown, prefix: string) {
    const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 64)) : `a value of type ${typeof value}`;
    super(`${shown} is not a ${prefix} id: expected "${prefix}_" and 26 characters of lower-case base32.`);
    this.name = 'InvalidIdError';
  }
}

function parser<Id extends string>(prefix: string): (value: unknown) => Id {
  return (value) => {
    if (!isTypeId(value, prefix)) throw new InvalidIdError(value, prefix);
    return value as Id;
  };
}

/** Makes a job id that sorts by time (the seed's `NewJobID`). */
export const newJobId = (nowMs?: number): JobId => newTypeId(ID_PREFIX.job, nowMs) as JobId;
export const newRunId = (nowMs?: number): RunId => newTypeId(ID_PREFIX.run, nowMs) as RunId;
export const newCronId = (nowMs?: number): CronId => newTypeId(ID_PREFIX.cron, nowMs) as CronId;
export const newDlqId = (nowMs?: number): DlqId => newTypeId(ID_PREFIX.dlq, nowMs) as DlqId;
export const newEventId = (nowMs?: number): EventId => newTypeId(ID_PREFIX.event, nowMs) as EventId;
export const newWorkerId = (nowMs?: number): WorkerId => newTypeId(ID_PREFIX.worker, nowMs) as WorkerId;
export const newCheckpointId = (nowMs?: number): CheckpointId => newTypeId(ID_PREFIX.checkpoint, nowMs) as CheckpointId;

/** Returns the text as a job id. Throws {@link InvalidIdError} (the seed's `ParseJobID` and `MustParseJobID`). */
export const parseJobId = parser<JobId>(ID_PREFIX.job);
export const parseRunId = parser<RunId>(ID_PREFIX.run);
export const parseCronId = parser<CronId>(ID_PREFIX.cron);
export const parseDlqId = parser<DlqId>(ID_PREFIX.dlq);
export const parseEventId = parser<EventId>(ID_PREFIX.event);
export const parseWorkerId = parser<WorkerId>(ID_PREFIX.worker);
export const parseCheckpointId = parser<CheckpointId>(ID_PREFIX.checkpoint);

/** Whether a value is a well-formed job id. */
export const isJobId = (value: unknown): value is JobId => isTypeId(value, ID_PREFIX.job);
export const isRunId = (value: unknown): value is RunId => isTypeId(value, ID_PREFIX.run);
export const isCronId = (value: unknown): value is CronId => isTypeId(value, ID_PREFIX.cron);
export const isDlqId = (value: unknown): value is DlqId => isTypeId(value, ID_PREFIX.dlq);
export const isEventId = (value: unknown): value is EventId => isTypeId(value, ID_PREFIX.event);
export const isWorkerId = (value: unknown): value is WorkerId => isTypeId(value, ID_PREFIX.worker);
export const isCheckpointId = (value: unknown): value is CheckpointId => isTypeId(value, ID_PREFIX.checkpoint);
