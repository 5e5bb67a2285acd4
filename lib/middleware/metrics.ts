import { type MeterProvider, metrics as globalMetrics } from '@opentelemetry/api';
import { ControlOutcome } from '../job/control-outcomes.js';
import type { Middleware } from './middleware.js';

/**
 * OpenTelemetry metrics per attempt: `dispatch.job.duration` (histogram, ms) and `dispatch.job.active`, by name,
 * queue and outcome (the seed's `Metrics`).
 *
 * @param provider default: the globally registered one
 */
export function metrics(provider: MeterProvider = globalMetrics.getMeterProvider()): Middleware {
  const meter = provider.getMeter('nestjs-dispatch');
  const duration = meter.createHistogram('dispatch.job.duration', { unit: 'ms', description: 'Time an attempt took.' });
  const active = meter.createUpDownCounter('dispatch.job.active', { description: 'Attempts under way.' });
  return async (job, next) => {
    const labels = { 'dispatch.job.name': job.name, 'dispatch.queue': job.queue };
    const startedAt = performance.now();
    let outcome = 'completed';
    active.add(1, labels);
    try {
      return await next();
    } catch (error) {
      outcome = error instanceof ControlOutcome ? 'controlled' : 'failed';
      throw error;
    } finally {
      active.add(-1, labels);
      duration.record(performance.now() - startedAt, { ...labels, 'dispatch.outcome': outcome });
    }
  };
}
