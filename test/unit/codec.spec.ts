import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordingLogger } from '../support/recording-logger.js';
import { runningJob } from '../support/running-job.js';
import { constantBackoff } from '../../lib/backoff/backoff.js';
import { type PayloadCodec, CodecRegistry, jsonCodec } from '../../lib/codec/payload-codec.js';
import { PayloadError } from '../../lib/errors.js';
import { encodePayload } from '../../lib/job/encode-payload.js';
import { JobRegistry } from '../../lib/job/job-registry.js';
import type { Outcome } from '../../lib/job/outcome.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { JobExecutor } from '../../lib/worker/job-executor.js';

const reversed: PayloadCodec = {
  name: 'reversed',
  encode: (value) => Array.from(JSON.stringify(value)).reverse().join(''),
  decode: (text) => JSON.parse(Array.from(text).reverse().join('')) as unknown,
};

describe('payload codecs', () => {
  it('give back every JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const text = jsonCodec.encode(value)!;
        expect(jsonCodec.decode(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('tell no value from null and from the empty text', () => {
    expect(jsonCodec.encode(undefined)).toBeUndefined();
    expect(jsonCodec.encode(null)).toBe('null');
    expect(jsonCodec.encode('')).toBe('""');
    const codecs = new CodecRegistry();
    expect(codecs.decode('json', null)).toBeUndefined();
    expect(codecs.decode('json', 'null')).toBeNull();
    expect(codecs.decode('json', '""')).toBe('');
  });

  it('are found by the name in the row, whichever is current', () => {
    const codecs = new CodecRegistry(reversed);
    expect(codecs.current).toBe(reversed);
    expect(codecs.decode('json', '{"a":1}')).toEqual({ a: 1 });
    expect(codecs.decode('reversed', '}1:"a"{')).toEqual({ a: 1 });
    expect(new CodecRegistry(jsonCodec, [reversed]).decode('reversed', '}1:"a"{')).toEqual({ a: 1 });
  });

  it('that nobody registered are refused by name, also for writing', () => {
    expect(() => new CodecRegistry().decode('zip', '...')).toThrow(/"zip".*"codecs"/);
    expect(() => new CodecRegistry().encode('zip', 1)).toThrow(/"zip".*"codecs"/);
    expect(new CodecRegistry(reversed).encode('json', { a: 1 })).toBe('{"a":1}');
  });
});

describe('encoding a payload', () => {
  const encode = (input: unknown, maxBytes = 100): string | null =>
    encodePayload('job "x"', input, jsonCodec, maxBytes);

  it('gives null for no payload only', () => {
    expect(encode(undefined)).toBeNull();
    expect(encode(null)).toBe('null');
    expect(encode('')).toBe('""');
  });

  it.each([
    ['a function', () => 1, /it is a function/],
    ['a symbol', Symbol('s'), /it is a symbol/],
    ['a bigint', 5n, /BigInt/],
  ])('refuses %s, which JSON cannot hold', (_what, value, message) => {
    expect(() => encode(value)).toThrow(PayloadError);
    expect(() => encode(value)).toThrow(message);
    expect(() => encode(value)).toThrow(/job "x"/);
  });

  it('refuses a cycle', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(() => encode(cycle)).toThrow(PayloadError);
  });

  it.each([null, undefined, 'text', Object.create(null)])(
    'refuses a payload whose toJSON throws %o',
    (thrown: unknown) => {
      const value = {
        toJSON() {
          throw thrown;
        },
      };
      expect(() => encode(value)).toThrow(PayloadError);
    },
  );

  it('counts bytes of UTF-8, not characters', () => {
    expect(encode('x'.repeat(98))).toHaveLength(100);
    expect(() => encode('x'.repeat(99))).toThrow(/101 bytes, more than the 100 allowed.*maxPayloadBytes/s);
    expect(encode('é'.repeat(49))).toHaveLength(51);
    expect(() => encode('é'.repeat(50))).toThrow(/102 bytes/);
    expect(encode('€'.repeat(32))).toHaveLength(34);
    expect(() => encode('€'.repeat(33))).toThrow(/101 bytes/);
    expect(encode('🦊'.repeat(24))).toHaveLength(50);
    expect(() => encode('🦊'.repeat(25))).toThrow(/102 bytes/);
  });

  it('accepts exactly what fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 60 }), (text, maxBytes) => {
        const fits = Buffer.byteLength(JSON.stringify(text)) <= maxBytes;
        if (fits) expect(encode(text, maxBytes)).toBe(JSON.stringify(text));
        else expect(() => encode(text, maxBytes)).toThrow(PayloadError);
      }),
    );
  });
});

describe('encoding a result', () => {
  function resultOf(
    codec: string,
    payload: string | null,
  ): { outcome: Outcome | null | undefined; warnings: string[] } {
    const registry = new JobRegistry();
    registry.register({ name: 'send-email' }, (input) => ({ input }));
    const logger = new RecordingLogger();
    let outcome: Outcome | null | undefined;
    const executor = new JobExecutor({
      registry,
      logger,
      codecs: new CodecRegistry(reversed),
      middleware: [],
      backoff: constantBackoff(0),
      clock: new TestClock(),
      abortGraceMs: 5,
      maxResultBytes: 1_000,
      onOutcome: (_job, how) => (outcome = how),
    });
    executor.run(runningJob({ codec, payload, timeoutMs: 0 }));
    return { outcome, warnings: logger.warnings };
  }

  it('takes the codec of the row, which is named once for payload and result', () => {
    expect(resultOf('json', '1').outcome).toEqual({ kind: 'completed', result: '{"input":1}' });
    expect(resultOf('reversed', '1').outcome).toEqual({ kind: 'completed', result: '}1:"tupni"{' });
  });

  it('keeps no result that could not be read again, and completes the job', () => {
    const { outcome, warnings } = resultOf('gone', null);
    expect(outcome).toEqual({ kind: 'completed', result: null });
    expect(warnings).toEqual([expect.stringMatching(/result of job .* is not kept.*"gone"/)]);
  });
});
