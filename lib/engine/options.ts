import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import type { Backoff, BackoffStrategy } from '../backoff/backoff.js';
import type { Clock } from '../clock/clock.js';
import type { Duration } from '../clock/duration.js';
import type { CodecRegistry, PayloadCodec } from '../codec/payload-codec.js';
import type { Middleware } from '../middleware/middleware.js';
import type { DispatchLogger } from '../observability/logger.js';
import type { Carrier } from '../scope/carrier.js';
import type { ScopePolicy } from '../scope/scope-policy.js';
import type { MigrationMode } from '../store/store.js';
import type { StoreOptions } from './store-options.js';

/** A queue this process works on: its name, or with how many of its slots the queue may take. */
export type QueueOption = string | { readonly name: string; readonly concurrency?: number };

/** How an engine is set up (the seed's `Config` and its options). Everything but the store has a default. */
export interface EngineOptions {
  readonly store: StoreOptions;
  /** Most jobs under way in this process. 0 makes it a producer only. */
  readonly concurrency?: number;
  /** Most runs of workflows in memory in this process, beside its jobs. 0: it works on none. */
  readonly workflowConcurrency?: number;
  /** How long a run that only waits stays in memory, so that what comes soon needs no replay. 0: not at all. */
  readonly parkGrace?: Duration;
  /** How long an event is kept for runs that come to wait for it. */
  readonly eventTtl?: Duration;
  /** In strict order: a later queue gets what the earlier ones leave. */
  readonly queues?: readonly QueueOption[];
  /** False makes the process a producer only, like `concurrency: 0`. */
  readonly worker?: boolean;
  /** How often an idle worker looks, from `pollInterval` growing to `maxPollInterval`. Wake-ups come sooner. */
  readonly pollInterval?: Duration;
  readonly maxPollInterval?: Duration;
  /** How often the lease is renewed. */
  readonly heartbeat?: Duration;
  /** How long a silent process keeps its jobs. More than twice `heartbeat`. */
  readonly lease?: Duration;
  /** How long running jobs may go on when the process stops; afterwards they are handed back. */
  readonly shutdownTimeout?: Duration;
  /** How long a handler may go on after its signal fired before its slot is given away. */
  readonly abortGrace?: Duration;
  readonly maxRetries?: number;
  /** Timeout of an attempt; 0: none. */
  readonly timeout?: Duration;
  readonly backoff?: Backoff;
  /** How long an outcome waits for company before it is written. */
  readonly settleWindow?: Duration;
  readonly maxPayloadBytes?: number;
  readonly maxResultBytes?: number;
  readonly migrations?: MigrationMode;
  /** Wraps every handler, the first one outermost. */
  readonly middleware?: readonly Middleware[];
  /** Given, every attempt is an OpenTelemetry span. */
  readonly tracerProvider?: TracerProvider;
  /** Given, attempts are counted and timed by OpenTelemetry. */
  readonly meterProvider?: MeterProvider;
  /** Encodes payloads and results of new jobs. */
  readonly codec?: PayloadCodec;
  /** Further codecs that stored rows may have been written with. */
  readonly codecs?: readonly PayloadCodec[];
  readonly scope?: { readonly required?: boolean };
  /** Takes more of the enqueuer's asynchronous context along than its scope. */
  readonly carrier?: Carrier;
  /** Shown with the worker in lists. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly logger?: DispatchLogger;
  /** For tests only. */
  readonly clock?: Clock;
}

/** The default of every option that has one. */
export const DEFAULT_OPTIONS = Object.freeze({
  concurrency: 10,
  workflowConcurrency: 100,
  parkGrace: 100,
  eventTtl: 604_800_000,
  queues: Object.freeze(['default']),
  pollInterval: 1_000,
  maxPollInterval: 30_000,
  heartbeat: 5_000,
  lease: 15_000,
  shutdownTimeout: 25_000,
  abortGrace: 500,
  maxRetries: 3,
  timeout: 300_000,
  settleWindow: 0,
  maxPayloadBytes: 1_048_576,
  maxResultBytes: 1_048_576,
  migrations: 'auto',
} as const);

/** Options after defaults and checks; times in milliseconds. */
export interface ResolvedOptions {
  readonly store: StoreOptions;
  readonly concurrency: number;
  readonly workflowConcurrency: number;
  readonly parkGraceMs: number;
  readonly eventTtlMs: number;
  readonly queues: readonly { readonly name: string; readonly concurrency: number }[];
  readonly pollMs: number;
  readonly maxPollMs: number;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly shutdownMs: number;
  readonly abortGraceMs: number;
  readonly maxRetries: number;
  readonly timeoutMs: number;
  readonly backoff: BackoffStrategy;
  readonly settleWindowMs: number;
  readonly maxPayloadBytes: number;
  readonly maxResultBytes: number;
  readonly migrations: MigrationMode;
  readonly middleware: readonly Middleware[];
  readonly codecs: CodecRegistry;
  readonly scopes: ScopePolicy;
  readonly carrier: Carrier | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly logger: DispatchLogger;
  readonly clock: Clock;
}
