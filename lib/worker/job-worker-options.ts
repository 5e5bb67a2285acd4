import type { BackoffStrategy } from '../backoff/backoff.js';
import type { Clock } from '../clock/clock.js';
import type { ClusterStore } from '../cluster/cluster-store.js';
import type { CodecRegistry } from '../codec/payload-codec.js';
import type { LifecycleEmitter } from '../ext/lifecycle.js';
import type { JobRegistry } from '../job/job-registry.js';
import type { JobStore } from '../job/job-store.js';
import type { Middleware } from '../middleware/middleware.js';
import type { DispatchLogger } from '../observability/logger.js';
import type { Carrier } from '../scope/carrier.js';
import type { Store } from '../store/store.js';
import type { LeaseCompanion } from './lease-companion.js';

/** What a worker needs; times in milliseconds. */
export interface JobWorkerOptions {
  readonly store: JobStore & ClusterStore & Pick<Store, 'onWake'>;
  readonly registry: JobRegistry;
  readonly codecs: CodecRegistry;
  readonly emitter: LifecycleEmitter;
  readonly clock: Clock;
  readonly logger: DispatchLogger;
  readonly middleware: readonly Middleware[];
  readonly carrier?: Carrier | undefined;
  readonly backoff: BackoffStrategy;
  readonly concurrency: number;
  readonly queues: readonly { readonly name: string; readonly concurrency: number }[];
  readonly pollMs: number;
  readonly maxPollMs: number;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly shutdownMs: number;
  readonly abortGraceMs: number;
  readonly settleWindowMs: number;
  readonly maxResultBytes: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** Other work under the same lease. */
  readonly companion?: LeaseCompanion | undefined;
}
