import type { BackoffSpec } from '../../../backoff/backoff.js';
import type { CronId, DlqId, JobId, WorkerId } from '../../../id/ids.js';
import { ID_PREFIX } from '../../../id/ids.js';
import { typeIdToUuid, typeIdsToUuidArray, uuidToTypeId } from '../../../id/type-id.js';
import { type JobErrorRecord, MAX_ERRORS_KEPT } from '../../../job/job-error.js';
import type { JobHeaders } from '../../../job/job-record.js';

/** The ids of the API are TypeIDs; rows hold the UUID inside them. */
export const toUuid = typeIdToUuid;
export const toJobId = (uuid: string): JobId => uuidToTypeId(ID_PREFIX.job, uuid) as JobId;
export const toDlqId = (uuid: string): DlqId => uuidToTypeId(ID_PREFIX.dlq, uuid) as DlqId;
export const toWorkerId = (uuid: string): WorkerId => uuidToTypeId(ID_PREFIX.worker, uuid) as WorkerId;
export const toCronId = (uuid: string): CronId => uuidToTypeId(ID_PREFIX.cron, uuid) as CronId;

/** A parameter of type uuid[] or a number[]: their elements need no quotes, which spares the driver's general way. */
export function plainArray(items: readonly (string | number | null)[]): string {
  return `{${items.map((item) => item ?? 'null').join(',')}}`;
}

/** Ids as a parameter of type uuid[]. */
export const uuidArray = typeIdsToUuidArray;

export function parseJson<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}

export const parseBackoff = (text: string | null): BackoffSpec | null => parseJson<BackoffSpec>(text);
export const parseHeaders = (text: string | null): JobHeaders | null => parseJson<JobHeaders>(text);

export function toJson(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

/*
 * An element of `errors` is the time, a colon and the error's JSON: the time is the database's, so the statement puts it
 * in front of the text that the worker made. It is no jsonb, which refuses the NULs that an error text may hold.
 */

/** SQL: the errors of a row with one more. */
export function appendError(errors: string, json: string): string {
  return `(coalesce(${errors}, '{}') || ((select now from clock)::text || ':' || ${json}))[greatest(1, coalesce(cardinality(${errors}), 0) + 2 - ${MAX_ERRORS_KEPT}):]`;
}

export function parseErrors(items: readonly string[] | null): JobErrorRecord[] {
  return (items ?? []).map((item) => {
    const colon = item.indexOf(':');
    return { ...(JSON.parse(item.slice(colon + 1)) as Omit<JobErrorRecord, 'at'>), at: Number(item.slice(0, colon)) };
  });
}
