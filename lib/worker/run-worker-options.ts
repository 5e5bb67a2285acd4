import type { BackoffStrategy } from '../backoff/backoff.js';
import type { Clock } from '../clock/clock.js';
import type { CodecRegistry } from '../codec/payload-codec.js';
import type { LifecycleEmitter } from '../ext/lifecycle.js';
import type { DispatchLogger } from '../observability/logger.js';
import type { Carrier } from '../scope/carrier.js';
import type { Store } from '../store/store.js';
import type { RunFactory } from '../workflow/run-factory.js';
import type { EndedRun } from '../workflow/run-results.js';
import type { WorkflowRegistry } from '../workflow/workflow-registry.js';
import type { WorkflowStore } from '../workflow/workflow-store.js';
import type { EventStore } from '../event/event-store.js';

/** What a worker on runs needs; times in milliseconds. */
export interface RunWorkerOptions {
  readonly store: WorkflowStore & EventStore & Pick<Store, 'transaction'>;
  readonly registry: WorkflowRegistry;
  readonly factory: RunFactory;
  readonly codecs: CodecRegistry;
  readonly emitter: LifecycleEmitter;
  readonly clock: Clock;
  readonly logger: DispatchLogger;
  readonly carrier?: Carrier | undefined;
  readonly backoff: BackoffStrategy;
  readonly concurrency: number;
  readonly stepRetries: number;
  readonly stepTimeoutMs: number;
  readonly parkGraceMs: number;
  readonly pollMs: number;
  readonly maxPollMs: number;
  readonly leaseMs: number;
  readonly abortGraceMs: number;
  readonly maxResultBytes: number;
  /** A run has ended here. */
  readonly onRunEnded: (run: EndedRun) => void;
}
