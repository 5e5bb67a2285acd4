import { defaultBackoff, toBackoffStrategy } from '../backoff/backoff.js';
import { systemClock } from '../clock/system-clock.js';
import { CodecRegistry } from '../codec/payload-codec.js';
import { InvalidOptionsError, NoStoreError } from '../errors.js';
import { checkRetries } from '../job/checks.js';
import { metrics } from '../middleware/metrics.js';
import { tracing } from '../middleware/tracing.js';
import { consoleLogger } from '../observability/logger.js';
import { safeLogger } from '../observability/safe-logger.js';
import { ScopePolicy } from '../scope/scope-policy.js';
import {
  checkCodec,
  checkCodecs,
  checkKinds,
  checkMiddleware,
  checkNames,
  count,
  ms,
  named,
  resolveQueues,
  withoutUndefined,
} from './check-options.js';
import { DEFAULT_OPTIONS, type EngineOptions, type ResolvedOptions } from './options.js';
import { checkStoreOptions } from './store-options.js';

/**
 * Fills in defaults and checks everything.
 *
 * @throws NoStoreError, InvalidOptionsError naming the option, the value received and what to do
 */
export function resolveOptions(options: EngineOptions): ResolvedOptions {
  if (!(options as Partial<EngineOptions> | undefined)?.store) throw new NoStoreError();
  checkNames(options);
  checkStoreOptions(options.store);
  checkKinds(options);
  const given = { ...DEFAULT_OPTIONS, ...withoutUndefined(options) };
  const concurrency = given.worker === false ? 0 : count('concurrency', given.concurrency, 0);
  const heartbeatMs = ms('heartbeat', given.heartbeat, 10);
  const leaseMs = ms('lease', given.lease, 20);
  if (leaseMs <= heartbeatMs * 2) {
    throw new InvalidOptionsError(
      `"lease" must be longer than twice "heartbeat" (got lease ${leaseMs} ms, heartbeat ${heartbeatMs} ms). Raise lease or lower heartbeat.`,
    );
  }
  const pollMs = ms('pollInterval', given.pollInterval, 1);
  const maxPollMs = ms('maxPollInterval', given.maxPollInterval, 1);
  if (maxPollMs < pollMs) {
    throw new InvalidOptionsError(
      `"maxPollInterval" must not be less than "pollInterval" (got ${maxPollMs} ms and ${pollMs} ms).`,
    );
  }
  if (!['auto', 'check', 'off'].includes(given.migrations)) {
    throw new InvalidOptionsError(`"migrations" must be 'auto', 'check' or 'off' (got ${String(given.migrations)}).`);
  }
  checkMiddleware(given.middleware);
  if (given.codec !== undefined) checkCodec('codec', given.codec);
  if (given.codecs !== undefined) checkCodecs(given.codecs);
  return {
    store: given.store,
    concurrency,
    workflowConcurrency: count('workflowConcurrency', given.workflowConcurrency, 0),
    parkGraceMs: ms('parkGrace', given.parkGrace),
    eventTtlMs: ms('eventTtl', given.eventTtl, 1),
    queues: resolveQueues(given.queues, concurrency),
    pollMs,
    maxPollMs,
    heartbeatMs,
    leaseMs,
    shutdownMs: ms('shutdownTimeout', given.shutdownTimeout),
    abortGraceMs: ms('abortGrace', given.abortGrace),
    maxRetries: named('maxRetries', () => checkRetries(given.maxRetries)),
    timeoutMs: ms('timeout', given.timeout),
    backoff: named('backoff', () =>
      given.backoff === undefined ? defaultBackoff() : toBackoffStrategy(given.backoff),
    ),
    settleWindowMs: ms('settleWindow', given.settleWindow),
    maxPayloadBytes: count('maxPayloadBytes', given.maxPayloadBytes, 1),
    maxResultBytes: count('maxResultBytes', given.maxResultBytes, 1),
    migrations: given.migrations,
    middleware: [
      ...(given.tracerProvider ? [tracing(given.tracerProvider)] : []),
      ...(given.meterProvider ? [metrics(given.meterProvider)] : []),
      ...(given.middleware ?? []),
    ],
    codecs: new CodecRegistry(given.codec, given.codecs),
    scopes: new ScopePolicy(given.scope?.required ?? false),
    carrier: given.carrier,
    metadata: given.metadata ?? {},
    logger: safeLogger(given.logger ?? consoleLogger),
    clock: given.clock ?? systemClock,
  };
}
