import type { DlqId, JobId } from '../id/ids.js';
import type { JobErrorRecord } from '../job/job-error.js';
import type { JobHeaders } from '../job/job-record.js';
import type { BackoffSpec } from '../backoff/backoff.js';
import type { CodecRegistry } from '../codec/payload-codec.js';
import { scopeOf } from '../job/job.js';
import type { Scope } from '../scope/scope.js';

/** A job that failed for good (the seed's `dlq.Entry`). Times in epoch milliseconds by the store's clock. */
export interface DlqEntryRecord {
  readonly id: DlqId;
  readonly jobId: JobId;
  readonly jobName: string;
  readonly queue: string;
  /** Encoded by `codec`; `null` when there is no payload. */
  readonly payload: string | null;
  readonly codec: string;
  readonly priority: number;
  readonly timeoutMs: number;
  readonly backoff: BackoffSpec | null;
  readonly groupKey: string | null;
  readonly headers: JobHeaders | null;
  /** The newest failures, oldest first; the last one is why the job is here. */
  readonly errors: readonly JobErrorRecord[];
  readonly retryCount: number;
  readonly maxRetries: number;
  readonly scopeAppId: string;
  readonly scopeOrgId: string;
  readonly failedAt: number;
  /** When the entry was replayed or its job retried; `null` while it is open. */
  readonly replayedAt: number | null;
  readonly replayJobId: JobId | null;
}

/** A dead-letter entry as applications see it: a snapshot. */
export interface DlqEntry<Input = unknown> {
  readonly id: DlqId;
  readonly jobId: JobId;
  readonly jobName: string;
  readonly queue: string;
  /** Decoded on access; throws when the stored text cannot be decoded. */
  readonly payload: Input;
  readonly priority: number;
  readonly timeoutMs: number;
  readonly headers: JobHeaders;
  /** The newest failures, oldest first; the last one is why the job is here. */
  readonly errors: readonly JobErrorRecord[];
  readonly retryCount: number;
  readonly maxRetries: number;
  readonly scope: Scope | undefined;
  readonly failedAt: Date;
  /** `undefined` while the entry is open. */
  readonly replayedAt: Date | undefined;
  readonly replayJobId: JobId | undefined;
}

/** A record of the store as a {@link DlqEntry}. */
export function toDlqEntry(record: DlqEntryRecord, codecs: CodecRegistry): DlqEntry {
  return Object.freeze({
    id: record.id,
    jobId: record.jobId,
    jobName: record.jobName,
    queue: record.queue,
    get payload() {
      return codecs.decode(record.codec, record.payload);
    },
    priority: record.priority,
    timeoutMs: record.timeoutMs,
    headers: record.headers ?? {},
    errors: record.errors,
    retryCount: record.retryCount,
    maxRetries: record.maxRetries,
    scope: scopeOf(record),
    failedAt: new Date(record.failedAt),
    replayedAt: record.replayedAt === null ? undefined : new Date(record.replayedAt),
    replayJobId: record.replayJobId ?? undefined,
  });
}
