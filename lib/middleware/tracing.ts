import { type TracerProvider, SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import { ControlOutcome } from '../job/control-outcomes.js';
import type { Middleware } from './middleware.js';

/**
 * An OpenTelemetry span per attempt, child of the trace that the enqueuer left in the job's headers (the seed's
 * `Tracing`; names after the semantic conventions for messaging).
 *
 * @param provider default: the globally registered one
 */
export function tracing(provider: TracerProvider = trace.getTracerProvider()): Middleware {
  const tracer = provider.getTracer('nestjs-dispatch');
  return (job, next) => {
    const parent = propagation.extract(context.active(), job.headers);
    const attributes = {
      'messaging.system': 'dispatch',
      'messaging.operation.type': 'process',
      'messaging.destination.name': job.queue,
      'messaging.message.id': job.id,
      'dispatch.job.name': job.name,
      'dispatch.job.attempt': job.attempt,
    };
    return tracer.startActiveSpan(
      `process ${job.name}`,
      { kind: SpanKind.CONSUMER, attributes },
      parent,
      async (span) => {
        try {
          return await next();
        } catch (error) {
          if (!(error instanceof ControlOutcome)) {
            if (error instanceof Error) span.recordException(error);
            span.setStatus({ code: SpanStatusCode.ERROR });
          }
          throw error;
        } finally {
          span.end();
        }
      },
    );
  };
}
