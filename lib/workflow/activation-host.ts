import type { BackoffStrategy } from '../backoff/backoff.js';
import type { Clock } from '../clock/clock.js';
import type { CodecRegistry } from '../codec/payload-codec.js';
import type { StoreTransaction } from '../job/job-store.js';
import type { DispatchLogger } from '../observability/logger.js';
import type { Committed } from './outbox.js';
import type { RunCommit } from './run-commit.js';
import type { ClaimedRun } from './run-record.js';
import type { RunFactory } from './run-factory.js';
import type { OpenWaits } from './wait.js';

/** What activations need of the process that runs them. Times in milliseconds. */
export interface ActivationHost {
  readonly clock: Clock;
  readonly codecs: CodecRegistry;
  readonly logger: DispatchLogger;
  /** Of steps that do not say otherwise. */
  readonly stepRetries: number;
  readonly stepTimeoutMs: number;
  readonly backoff: BackoffStrategy;
  readonly abortGraceMs: number;
  /** How long a run that only waits stays in memory. */
  readonly parkGraceMs: number;
  readonly maxResultBytes: number;
  /** Builds the rows of children. */
  readonly factory: RunFactory;

  /** Writes a commit, together with those of others. Rejects only for what the store keeps refusing. */
  commit(run: ClaimedRun, commit: RunCommit): Promise<Committed>;

  /** What has come of the waits of a held run; `undefined` when it is not held any more. */
  loadWaits(run: ClaimedRun): Promise<OpenWaits | undefined>;

  /** Runs `fn` in a transaction of the store's database. */
  transaction<T>(fn: (transaction: StoreTransaction) => Promise<T>): Promise<T>;

  /** Writes a commit with that transaction. @returns false when the lease is lost */
  commitWith(run: ClaimedRun, commit: RunCommit, transaction: StoreTransaction): Promise<boolean>;

  /** The transaction of such a commit has committed. */
  committed(run: ClaimedRun, commit: RunCommit): void;
}

/** How an activation ended. */
export type ActivationEnd = 'completed' | 'failed' | 'cancelled' | 'parked' | 'stuck' | 'retry' | 'released' | 'lost';
