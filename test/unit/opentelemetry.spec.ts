import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  type Context,
  type ContextManager,
  type Exception,
  type MeterProvider,
  type SpanOptions,
  type SpanStatus,
  type TextMapPropagator,
  type TracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  context,
  propagation,
  trace,
} from '@opentelemetry/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Snooze } from '../../lib/job/control-outcomes.js';
import { metrics } from '../../lib/middleware/metrics.js';
import { tracing } from '../../lib/middleware/tracing.js';
import { runningJob } from '../support/running-job.js';

/** As much of a tracing SDK as is needed to see what is asked of it. */
class FakeSpan {
  readonly exceptions: Exception[] = [];
  status: SpanStatus | undefined;
  ended = 0;

  constructor(
    readonly name: string,
    readonly options: SpanOptions,
    readonly parent: string | undefined,
  ) {}

  recordException(exception: Exception): void {
    this.exceptions.push(exception);
  }

  setStatus(status: SpanStatus): this {
    this.status = status;
    return this;
  }

  end(): void {
    this.ended += 1;
  }
}

function fakeTracing(): { readonly provider: TracerProvider; readonly spans: FakeSpan[]; readonly names: string[] } {
  const spans: FakeSpan[] = [];
  const names: string[] = [];
  const startActiveSpan = (
    name: string,
    options: SpanOptions,
    parent: Context,
    fn: (span: FakeSpan) => unknown,
  ): unknown => {
    const span = new FakeSpan(name, options, trace.getSpanContext(parent)?.traceId);
    spans.push(span);
    return context.with(trace.setSpan(parent, span as never), () => fn(span));
  };
  const getTracer = (name: string): never => {
    names.push(name);
    return { startActiveSpan } as never;
  };
  return { provider: { getTracer }, spans, names };
}

/** Reads the trace id from a header of that name. */
const propagator: TextMapPropagator<Record<string, string>> = {
  inject: () => undefined,
  fields: () => ['trace-id'],
  extract: (from, carrier, getter) => {
    const traceId = getter.get(carrier, 'trace-id');
    if (typeof traceId !== 'string') return from;
    return trace.setSpanContext(from, { traceId, spanId: '1'.repeat(16), traceFlags: 1 });
  },
};

function contextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  return {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, fn, thisArg, ...args) => storage.run(active, () => Reflect.apply(fn, thisArg, args) as never),
    bind: (_context, target) => target,
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  };
}

beforeAll(() => {
  context.setGlobalContextManager(contextManager());
  propagation.setGlobalPropagator(propagator);
});

afterAll(() => {
  context.disable();
  propagation.disable();
});

const TRACE = 'a'.repeat(32);

describe('tracing', () => {
  it('makes a span of an attempt, child of the trace in the headers', async () => {
    const { provider, spans, names } = fakeTracing();
    const job = runningJob({ attempt: 2, queue: 'mail', headers: { 'trace-id': TRACE } });
    await expect(tracing(provider)(job, async () => 42)).resolves.toBe(42);
    expect(names).toEqual(['nestjs-dispatch']);
    expect(spans).toHaveLength(1);
    expect(spans[0]).toMatchObject({ name: 'process send-email', parent: TRACE, ended: 1, status: undefined });
    expect(spans[0]!.options).toEqual({
      kind: SpanKind.CONSUMER,
      attributes: {
        'messaging.system': 'dispatch',
        'messaging.operation.type': 'process',
        'messaging.destination.name': 'mail',
        'messaging.message.id': job.id,
        'dispatch.job.name': 'send-email',
        'dispatch.job.attempt': 2,
      },
    });
  });

  it('makes the span the active one for the handler, also after it waited', async () => {
    const { provider, spans } = fakeTracing();
    await tracing(provider)(runningJob(), async () => {
      await Promise.resolve();
      expect(trace.getActiveSpan()).toBe(spans[0]);
    });
    expect(trace.getActiveSpan()).toBeUndefined();
  });

  it('starts a trace of its own without headers', async () => {
    const { provider, spans } = fakeTracing();
    await tracing(provider)(runningJob(), async () => 1);
    expect(spans[0]!.parent).toBeUndefined();
  });

  it('records a failure, ends the span and passes the error on', async () => {
    const { provider, spans } = fakeTracing();
    const error = new Error('broken');
    await expect(tracing(provider)(runningJob(), async () => Promise.reject(error))).rejects.toBe(error);
    expect(spans[0]).toMatchObject({ exceptions: [error], status: { code: SpanStatusCode.ERROR }, ended: 1 });
  });

  it('marks a thrown text as a failure', async () => {
    const { provider, spans } = fakeTracing();
    await expect(tracing(provider)(runningJob(), async () => Promise.reject('text'))).rejects.toBe('text');
    expect(spans[0]).toMatchObject({ exceptions: [], status: { code: SpanStatusCode.ERROR }, ended: 1 });
  });

  it('does not take a control outcome for a failure', async () => {
    const { provider, spans } = fakeTracing();
    await expect(tracing(provider)(runningJob(), async () => Promise.reject(new Snooze(5)))).rejects.toThrow(Snooze);
    expect(spans[0]).toMatchObject({ exceptions: [], status: undefined, ended: 1 });
  });

  it('works without any SDK', async () => {
    await expect(tracing()(runningJob(), async () => 42)).resolves.toBe(42);
    await expect(metrics()(runningJob(), async () => 42)).resolves.toBe(42);
  });
});

describe('metrics', () => {
  function fakeMetrics() {
    const durations: { readonly value: number; readonly labels: Attributes }[] = [];
    const instruments: string[] = [];
    let active = 0;
    let most = 0;
    const meter = {
      createHistogram: (name: string) => {
        instruments.push(name);
        return { record: (value: number, labels: Attributes) => durations.push({ value, labels }) };
      },
      createUpDownCounter: (name: string) => {
        instruments.push(name);
        return { add: (value: number) => (most = Math.max(most, (active += value))) };
      },
    };
    const provider = { getMeter: () => meter } as unknown as MeterProvider;
    return { provider, durations, instruments, active: () => active, most: () => most };
  }

  it.each([
    ['completed', async () => 42],
    ['failed', async () => Promise.reject(new Error('broken'))],
    ['controlled', async () => Promise.reject(new Snooze(5))],
  ])('count an attempt as %s, by name and queue', async (outcome, handler: () => Promise<unknown>) => {
    const { provider, durations, instruments, active, most } = fakeMetrics();
    await metrics(provider)(runningJob({ queue: 'mail' }), handler).catch(() => undefined);
    expect(instruments).toEqual(['dispatch.job.duration', 'dispatch.job.active']);
    expect(durations.map(({ labels }) => labels)).toEqual([
      { 'dispatch.job.name': 'send-email', 'dispatch.queue': 'mail', 'dispatch.outcome': outcome },
    ]);
    expect(durations[0]!.value).toBeGreaterThanOrEqual(0);
    expect([active(), most()]).toEqual([0, 1]);
  });

  it('make their instruments once, for all jobs', async () => {
    const { provider, instruments } = fakeMetrics();
    const middleware = metrics(provider);
    for (let i = 0; i < 3; i++) await middleware(runningJob(), async () => 1);
    expect(instruments).toHaveLength(2);
  });
});
