import type { ErrorRecord, JobErrorRecord } from '../../../../job/job-error.js';
import { MAX_ERRORS_KEPT } from '../../../../job/job-error.js';

/** SQL that appends the error of one parameter (JSON) to `errors` and drops the oldest beyond the kept number. */
export const APPEND_ERROR = `json_insert(
      CASE WHEN json_array_length(errors) >= ${MAX_ERRORS_KEPT} THEN json_remove(errors, '$[0]') ELSE errors END,
      '$[#]', json(?))`;

/** An error as {@link APPEND_ERROR} takes it. */
export function historyEntry(error: ErrorRecord, attempt: number, at: number): string {
  const entry: JobErrorRecord = { ...error, attempt, at };
  return JSON.stringify(entry);
}
