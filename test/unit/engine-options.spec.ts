import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock/system-clock.js';
import { jsonCodec } from '../../lib/codec/payload-codec.js';
import { DEFAULT_OPTIONS } from '../../lib/engine/options.js';
import { resolveOptions } from '../../lib/engine/resolve-options.js';
import { checkStoreOptions } from '../../lib/engine/store-options.js';
import { InvalidOptionsError, NoStoreError } from '../../lib/errors.js';
import { createMemoryStore } from '../../lib/store/memory/memory-store.js';

const store = { type: 'memory' } as const;
const resolve = (options: Record<string, unknown> = {}) => resolveOptions({ store, ...options });

describe('engine options', () => {
  it('have the documented defaults', () => {
    const { backoff, codecs, scopes, ...rest } = resolve();
    expect(rest).toEqual({
      store,
      concurrency: 10,
      workflowConcurrency: 100,
      parkGraceMs: 100,
      eventTtlMs: 604_800_000,
      queues: [{ name: 'default', concurrency: 10 }],
      pollMs: 1_000,
      maxPollMs: 30_000,
      heartbeatMs: 5_000,
      leaseMs: 15_000,
      shutdownMs: 25_000,
      abortGraceMs: 500,
      maxRetries: 3,
      timeoutMs: 300_000,
      settleWindowMs: 0,
      maxPayloadBytes: 1_048_576,
      maxResultBytes: 1_048_576,
      migrations: 'auto',
      middleware: [],
      metadata: {},
      logger: expect.anything(),
      clock: systemClock,
    });
    expect([1, 2, 10].map((attempt) => backoff.delay(attempt, 1))).toEqual([1_000, 2_000, 60_000]);
    expect(backoff.delay(1, 0)).toBe(0);
    expect(codecs.current).toBe(jsonCodec);
    expect(scopes.resolve('enqueue', undefined)).toBeUndefined();
    expect(Object.isFrozen(DEFAULT_OPTIONS)).toBe(true);
  });

  it('that are undefined mean their default', () => {
    const undefinedOnes = Object.fromEntries(
      [
        ...Object.keys(DEFAULT_OPTIONS),
        'worker',
        'backoff',
        'codec',
        'codecs',
        'scope',
        'metadata',
        'middleware',
        'logger',
        'clock',
      ].map((name) => [name, undefined]),
    );
    const { backoff: _b, codecs: _c, scopes: _s, logger: _l, ...rest } = resolve(undefinedOnes);
    const { backoff: _b2, codecs: _c2, scopes: _s2, logger: _l2, ...defaults } = resolve();
    expect(rest).toEqual(defaults);
  });

  it.each([
    [{ concurency: 5 }, /no option "concurency"/],
    [{ worker: 'no' }, /"worker" must be true or false \(got string\)/],
    [{ worker: 0 }, /"worker"/],
    [{ backoff: 0 }, /backoff/],
    [{ metadata: 'x' }, /"metadata"/],
    [{ metadata: { size: 1 } }, /"metadata" must be an object of texts/],
    [{ logger: {} }, /"logger" must be an object with debug, log, warn and error/],
    [{ clock: {} }, /"clock"/],
    [{ scope: true }, /"scope"/],
    [{ scope: { required: 'yes' } }, /"scope"/],
    [{ scope: { requierd: true } }, /"scope" must be \{ required: true \}/],
    [{ queues: [{ name: 'a', limit: 3 }] }, /"queues" has no option "limit"/],
    [{ tracerProvider: {} }, /"tracerProvider"/],
    [{ meterProvider: {} }, /"meterProvider"/],
  ])('%o is refused by name', (options, message) => {
    expect(() => resolve(options)).toThrow(InvalidOptionsError);
    expect(() => resolve(options)).toThrow(message);
  });

  it('contain a logger that throws', () => {
    const broken = (): never => {
      throw new Error('no space left');
    };
    const { logger } = resolve({ logger: { debug: broken, log: broken, warn: broken, error: broken } });
    expect(() => {
      logger.debug('a');
      logger.log('a');
      logger.warn('a');
      logger.error('a', 'stack');
    }).not.toThrow();
  });

  it('take durations as numbers and texts', () => {
    expect(resolve({ heartbeat: '10s', lease: 30_000, timeout: 0, shutdownTimeout: '1.5m' })).toMatchObject({
      heartbeatMs: 10_000,
      leaseMs: 30_000,
      timeoutMs: 0,
      shutdownMs: 90_000,
    });
  });

  it('make a producer of a process without concurrency or worker', () => {
    expect(resolve({ concurrency: 0 }).concurrency).toBe(0);
    expect(resolve({ worker: false }).concurrency).toBe(0);
    expect(resolve({ worker: false, queues: [] }).queues).toEqual([]);
    expect(resolve({ worker: true }).concurrency).toBe(10);
  });

  it('give each queue its own slots, or all of them', () => {
    expect(resolve({ concurrency: 4, queues: ['a', { name: 'b', concurrency: 1 }, { name: 'c' }] }).queues).toEqual([
      { name: 'a', concurrency: 4 },
      { name: 'b', concurrency: 1 },
      { name: 'c', concurrency: 4 },
    ]);
  });

  it('put tracing and metrics around the middleware of the user', () => {
    const own = async (): Promise<void> => undefined;
    const tracerProvider = { getTracer: vi.fn() };
    const meterProvider = { getMeter: vi.fn(() => ({ createHistogram: vi.fn(), createUpDownCounter: vi.fn() })) };
    const { middleware } = resolve({ middleware: [own], tracerProvider, meterProvider });
    expect(middleware).toHaveLength(3);
    expect(middleware[2]).toBe(own);
    expect(tracerProvider.getTracer).toHaveBeenCalledTimes(1);
    expect(meterProvider.getMeter).toHaveBeenCalledTimes(1);
  });

  it('require a scope when they say so', () => {
    expect(() => resolve({ scope: { required: true } }).scopes.resolve('enqueue', undefined)).toThrow(/needs a scope/);
  });

  it.each([undefined, null, {}, { store: undefined }, { store: null }])(
    'without a store (%j) are refused',
    (options) => {
      expect(() => resolveOptions(options as never)).toThrow(NoStoreError);
    },
  );

  it.each<[Record<string, unknown>, RegExp]>([
    [{ concurrency: -1 }, /"concurrency".*got -1/],
    [{ workflowConcurrency: -1 }, /"workflowConcurrency".*got -1/],
    [{ parkGrace: 'soon' }, /"parkGrace"/],
    [{ eventTtl: 0 }, /"eventTtl" must be at least 1 ms/],
    [{ concurrency: 1.5 }, /"concurrency".*got 1\.5/],
    [{ concurrency: '10' }, /"concurrency".*got 10/],
    [{ concurrency: Number.POSITIVE_INFINITY }, /"concurrency".*got Infinity/],
    [{ concurrency: null }, /"concurrency".*got null/],
    [{ queues: [] }, /"queues".*empty list.*worker: false/],
    [{ queues: 'default' }, /"queues".*got string/],
    [{ queues: ['a', 'b', 'a'] }, /"queues" names "a" twice/],
    [{ queues: [''] }, /"queues".*got 0 characters/],
    [{ queues: [5] }, /"queues".*got number/],
    [{ queues: [null] }, /"queues".*got object/],
    [{ queues: [undefined] }, /"queues".*got undefined/],
    [{ queues: [{}] }, /"queues".*got undefined/],
    [{ queues: [{ name: 'a', concurrency: -1 }] }, /"queues\.a\.concurrency".*got -1/],
    [{ pollInterval: 0 }, /"pollInterval".*got 0 ms/],
    [{ pollInterval: '2s', maxPollInterval: '1s' }, /"maxPollInterval".*"pollInterval".*got 1000 ms and 2000 ms/],
    [{ maxPollInterval: -1 }, /"maxPollInterval".*got -1/],
    [{ heartbeat: 'often' }, /"heartbeat".*got "often"/],
    [{ heartbeat: 5 }, /"heartbeat".*got 5 ms/],
    [{ lease: 10_000 }, /"lease".*"heartbeat".*got lease 10000 ms, heartbeat 5000 ms/],
    [{ lease: Number.NaN }, /"lease".*got NaN/],
    [{ shutdownTimeout: -1 }, /"shutdownTimeout".*got -1/],
    [{ abortGrace: true }, /"abortGrace".*got boolean/],
    [{ maxRetries: -1 }, /"maxRetries".*got -1/],
    [{ maxRetries: 1e9 }, /"maxRetries".*got 1000000000/],
    [{ timeout: '5 minutes' }, /"timeout".*got "5 minutes"/],
    [{ backoff: { type: 'constant' } }, /"backoff\.initial".*got undefined/],
    [{ backoff: 'slow' }, /"backoff".*got "slow"/],
    [{ settleWindow: -1 }, /"settleWindow".*got -1/],
    [{ maxPayloadBytes: 0 }, /"maxPayloadBytes".*got 0/],
    [{ maxResultBytes: '1MB' }, /"maxResultBytes".*got 1MB/],
    [{ migrations: 'yes' }, /"migrations".*got yes/],
    [{ middleware: 'logging' }, /"middleware".*got string/],
    [{ middleware: [() => 1, undefined] }, /"middleware".*got undefined/],
    [{ codec: { name: 'x' } }, /"codec"/],
    [{ codec: { ...jsonCodec, name: '' } }, /"codec".*got 0 characters/],
    [{ codec: { ...jsonCodec, name: 'x'.repeat(33) } }, /"codec".*got 33 characters/],
    [{ codecs: [{ ...jsonCodec, name: 5 }] }, /"codecs".*got number/],
    [{ codecs: jsonCodec }, /"codecs".*got object/],
  ])('%j are refused by name and value', (options, message) => {
    expect(() => resolve(options)).toThrow(InvalidOptionsError);
    expect(() => resolve(options)).toThrow(message);
  });
});

describe('the store option', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it.each([
    [{ type: 'memory' }],
    [{ type: 'sqlite', database: 'x.db' }],
    [{ type: 'postgres', url: 'postgres://x' }],
    [{ dataSource: { options: { type: 'postgres' } } }],
    [{ dataSource: { options: { type: 'better-sqlite3' } } }],
    [createMemoryStore()],
  ])('may be of each known form', (options) => {
    expect(() => checkStoreOptions(options as never)).not.toThrow();
  });

  it.each<[unknown, RegExp]>([
    ['postgres://x', /"store" must be .*got string/],
    [() => undefined, /"store" must be .*got function/],
    [{}, /"store" must be .*got type undefined/],
    [{ type: 'mysql' }, /"store" must be .*got type "mysql"/],
    [{ dataSource: { options: { type: 'mysql' } } }, /"store\.dataSource".*got "mysql"/],
    [{ dataSource: {} }, /"store\.dataSource".*got undefined/],
    [{ dataSource: undefined }, /"store\.dataSource".*got undefined/],
    [{ type: 'postgres', url: 'postgres://x', poolsize: 9 }, /no option "poolsize".*poolSize/],
    [{ type: 'sqlite', database: 'x.db', wal: true }, /"store" of type sqlite has no option "wal"/],
    [{ type: 'memory', size: 1 }, /no option "size"/],
    [{ dataSource: { options: { type: 'postgres' } }, synchronous: 'full' }, /no option "synchronous".*callTimeout/],
    [{ dataSource: { options: { type: 'better-sqlite3' } }, poolSize: 2 }, /no option "poolSize".*synchronous/],
  ])('%j is refused by name and value', (options, message) => {
    expect(() => checkStoreOptions(options as never)).toThrow(InvalidOptionsError);
    expect(() => resolve({ store: options })).toThrow(message);
  });

  it('in production is not memory, unless that is asked for', () => {
    vi.stubEnv('NODE_ENV', 'production');
    expect(() => resolve()).toThrow(InvalidOptionsError);
    expect(() => resolve()).toThrow(/\{ type: 'memory' \} in production.*allowInProduction: true/);
    expect(() => resolve({ store: { type: 'memory', allowInProduction: false } })).toThrow(InvalidOptionsError);
    expect(() => resolve({ store: { type: 'memory', allowInProduction: true } })).not.toThrow();
    expect(() => resolve({ store: createMemoryStore() })).not.toThrow();
  });

  it.each(['test', 'development', ''])('may be memory in %o', (environment) => {
    vi.stubEnv('NODE_ENV', environment);
    expect(() => resolve()).not.toThrow();
  });
});
