import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PayloadValidationError } from '../../lib/errors.js';
import { type ErrorRecord, MAX_CAUSE_DEPTH, MAX_ERROR_BYTES, toErrorRecord } from '../../lib/job/job-error.js';

const bytes = (record: ErrorRecord): number => Buffer.byteLength(JSON.stringify(record));

function depthOf(record: ErrorRecord): number {
  return record.cause ? 1 + depthOf(record.cause) : 0;
}

function chainOf(length: number, message = 'cause'): Error {
  let error = new Error(`${message} 0`);
  for (let i = 1; i <= length; i++) error = new Error(`${message} ${i}`, { cause: error });
  return error;
}

const throwing = (): never => {
  throw new Error('trap');
};
const hostile = new Proxy({}, { get: throwing, getPrototypeOf: throwing, ownKeys: throwing, has: throwing });

describe('a thrown value as a record', () => {
  it('keeps name, message, code and stack of an error', () => {
    const error = Object.assign(new RangeError('too far'), { code: 'E_FAR' });
    expect(toErrorRecord(error)).toMatchObject({ name: 'RangeError', message: 'too far', code: 'E_FAR' });
    expect(toErrorRecord(error).stack).toContain('RangeError: too far');
  });

  it('keeps a code that is a number as text', () => {
    expect(toErrorRecord(Object.assign(new Error('x'), { code: 42 })).code).toBe('42');
  });

  it('keeps the fields of a failed validation as details', () => {
    const fields = [{ path: 'to', messages: ['must be an email'] }];
    expect(toErrorRecord(new PayloadValidationError('send', fields)).details).toEqual(fields);
  });

  it.each([
    ['a text', 'plain text', 'plain text'],
    ['an object', { a: 1 }, '{"a":1}'],
    ['a number', 42, '42'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a bigint', 5n, '5'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
  ])('tells %s from an error', (_what, thrown, message) => {
    expect(toErrorRecord(thrown)).toEqual({ name: 'NonError', message });
  });

  it('knows an error of another realm', () => {
    const foreign = runInNewContext('Object.assign(new TypeError("from elsewhere"), { code: "E_FAR" })') as unknown;
    expect(foreign).not.toBeInstanceOf(Error);
    expect(toErrorRecord(foreign)).toMatchObject({ name: 'TypeError', message: 'from elsewhere', code: 'E_FAR' });
  });

  it('keeps causes five deep', () => {
    expect(depthOf(toErrorRecord(chainOf(3)))).toBe(3);
    expect(depthOf(toErrorRecord(chainOf(50)))).toBe(MAX_CAUSE_DEPTH);
  });

  it('keeps a cause that is no error', () => {
    expect(toErrorRecord(new Error('outer', { cause: { why: 1 } })).cause).toEqual({
      name: 'NonError',
      message: '{"why":1}',
    });
  });

  it('ends at a cycle of causes', () => {
    const a = new Error('a');
    const b = new Error('b', { cause: a });
    a.cause = b;
    const record = toErrorRecord(a);
    expect(record.cause?.message).toBe('b');
    expect(record.cause?.cause).toBeUndefined();
  });

  it('describes an object with a cycle by its kind', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(toErrorRecord(cycle)).toEqual({ name: 'NonError', message: '[object Object]' });
  });

  it('leaves out details that are too long or cannot be read', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (const details of [cycle, 'x'.repeat(5_000), 5n, hostile]) {
      const record = toErrorRecord(Object.assign(new Error('x'), { details }));
      expect(record.message).toBe('x');
      expect(record).not.toHaveProperty('details');
    }
  });

  it.each([
    ['a hostile proxy', hostile],
    ['an error whose message throws', Object.defineProperty(new Error('x'), 'message', { get: throwing })],
    ['an error whose name throws', Object.defineProperty(new Error('x'), 'name', { get: throwing })],
    [
      'an error whose message cannot be text',
      Object.assign(new Error('x'), { message: Object.create(null) as unknown }),
    ],
    ['an object whose tag throws', Object.defineProperty({ n: 1n }, Symbol.toStringTag, { get: throwing })],
    ['an object whose toJSON gives nothing', { toJSON: () => undefined }],
    ['a function that cannot be text', Object.assign(() => 1, { toString: throwing })],
    [
      'a revoked proxy',
      (() => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      })(),
    ],
  ])('says of %s that it cannot be read, without a throw', (_what, thrown: unknown) => {
    const record = toErrorRecord(thrown);
    expect(record.message).toMatch(/cannot be read/);
    expect(bytes(record)).toBeLessThan(MAX_ERROR_BYTES);
  });

  it.each(['cause', 'details', 'code', 'stack', 'fields'])(
    'keeps the message of an error whose %s throws',
    (property) => {
      const error = Object.defineProperty(new Error('what happened'), property, { get: throwing });
      expect(toErrorRecord(error)).toMatchObject({ name: 'Error', message: 'what happened' });
    },
  );

  it('keeps the message of an error whose cause cannot be read', () => {
    expect(toErrorRecord(new Error('outer', { cause: hostile }))).toMatchObject({
      message: 'outer',
      cause: { message: expect.stringMatching(/cannot be read/) as string },
    });
  });

  it('cuts a huge message', () => {
    const record = toErrorRecord(new Error('x'.repeat(5_000_000)));
    expect(record.message.endsWith('…')).toBe(true);
    expect(bytes(record)).toBeLessThanOrEqual(MAX_ERROR_BYTES);
  });

  it.each([
    ['NULs', '\u0000'],
    ['lone surrogates', '\ud800'],
    ['emoji', '🦊'],
    ['quotes', '"'],
    ['three-byte text', '€'],
  ])('fits with %s all the way down, and is well-formed JSON', (_what, unit) => {
    const long = unit.repeat(20_000);
    let error = new Error(long);
    for (let i = 0; i < 10; i++)
      error = Object.assign(new Error(long, { cause: error }), { name: long, code: long, details: long });
    const record = toErrorRecord(error);
    expect(bytes(record)).toBeLessThanOrEqual(MAX_ERROR_BYTES);
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
    expect(JSON.stringify(record)).not.toMatch(/\p{Surrogate}/u);
  });

  it('never throws and always fits, whatever was thrown', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withTypedArray: true,
    });
    const errors = fc
      .record({
        message: anything,
        name: anything,
        code: anything,
        cause: anything,
        details: anything,
        stack: anything,
      })
      .map((fields) => Object.assign(new Error('x'), fields));
    fc.assert(
      fc.property(fc.oneof(anything, errors), (thrown) => {
        const record = toErrorRecord(thrown);
        expect(typeof record.name).toBe('string');
        expect(typeof record.message).toBe('string');
        expect(bytes(record)).toBeLessThanOrEqual(MAX_ERROR_BYTES);
      }),
    );
  });

  it('fits for every chain of long texts', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 4_000 }),
        fc.integer({ min: 0, max: 8 }),
        (unit, times, length) => {
          expect(bytes(toErrorRecord(chainOf(length, unit.repeat(times))))).toBeLessThanOrEqual(MAX_ERROR_BYTES);
        },
      ),
    );
  });
});
