import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../lib/errors.js';
import {
  MAX_HEADERS_LENGTH,
  MAX_KEY_LENGTH,
  MAX_NAME_LENGTH,
  MAX_RETRIES,
  checkHeaders,
  checkKey,
  checkName,
  checkPriority,
  checkRetries,
} from '../../lib/job/checks.js';

describe('names and keys', () => {
  it.each([
    ['name', checkName, MAX_NAME_LENGTH],
    ['key', checkKey, MAX_KEY_LENGTH],
  ])('a %s is a text of one character to its longest', (_what, check, max) => {
    expect(check('label', 'x')).toBe('x');
    expect(check('label', '🦊 ä')).toBe('🦊 ä');
    expect(check('label', 'x'.repeat(max))).toHaveLength(max);
    expect(() => check('label', 'x'.repeat(max + 1))).toThrow(`"label" must be a text of 1 to ${max} characters`);
    expect(() => check('label', 'x'.repeat(max + 1))).toThrow(`got ${max + 1} characters`);
  });

  it.each([
    ['', '0 characters'],
    ['a\u0000', '2 characters'],
    ['\ud800', '1 characters'],
    ['\udc00x', '2 characters'],
    [5, 'number'],
    [null, 'object'],
    [undefined, 'undefined'],
  ])('refuse %o', (value, shown) => {
    expect(() => checkName('queue', value)).toThrow(InvalidOptionsError);
    expect(() => checkName('queue', value)).toThrow(/"queue"/);
    expect(() => checkKey('queue', value)).toThrow(`got ${shown}`);
  });

  it('accept exactly the well-formed texts without NUL', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), fc.boolean(), (text, half) => {
        const given = half ? `${text}\udbff` : text;
        if (half || given.includes('\u0000')) expect(() => checkName('x', given)).toThrow(InvalidOptionsError);
        else expect(checkName('x', given)).toBe(given);
      }),
    );
  });
});

describe('numbers', () => {
  it.each([-32_768, -1, 0, 32_767])('priority %i is taken', (value) => {
    expect(checkPriority(value)).toBe(value);
  });

  it.each([-32_769, 32_768, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null, 1n])(
    'priority %s is refused',
    (value) => {
      expect(() => checkPriority(value)).toThrow(InvalidOptionsError);
      expect(() => checkPriority(value)).toThrow(`"priority" must be a whole number from -32768 to 32767`);
      expect(() => checkPriority(value)).toThrow(`got ${String(value)}`);
    },
  );

  it.each([0, 3, MAX_RETRIES])('maxRetries %i is taken', (value) => {
    expect(checkRetries(value)).toBe(value);
  });

  it.each([-1, MAX_RETRIES + 1, 1.5, Number.NaN, '3', undefined])('maxRetries %s is refused', (value) => {
    expect(() => checkRetries(value)).toThrow(InvalidOptionsError);
    expect(() => checkRetries(value)).toThrow(`"maxRetries"`);
    expect(() => checkRetries(value)).toThrow(`got ${String(value)}`);
  });
});

describe('headers', () => {
  it('have lower-case names', () => {
    expect(checkHeaders({ TraceParent: '00-AB', x: 'Y' })).toEqual({ traceparent: '00-AB', x: 'Y' });
  });

  it('may be called like the parts of an object', () => {
    const headers = checkHeaders(JSON.parse('{"__proto__":"a","constructor":"b"}'));
    expect(Object.entries(headers)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });

  it.each([null, 'text', 5, ['a'], { a: 1 }, { a: null }, { a: ['b'] }, { toJSON: () => ({}) }, undefined])(
    'are not %o',
    (value) => {
      expect(() => checkHeaders(value)).toThrow(InvalidOptionsError);
      expect(() => checkHeaders(value)).toThrow(/"headers" must be an object of texts/);
    },
  );

  it('are not a Map, whose entries would be lost', () => {
    expect(() => checkHeaders(new Map([['a', 'b']]))).toThrow(/"headers"/);
    expect(() => checkHeaders(new Headers({ a: 'b' }))).toThrow(/"headers"/);
    expect(checkHeaders(Object.assign(Object.create(null), { a: 'b' }))).toEqual({ a: 'b' });
  });

  it('have a longest length', () => {
    const room = MAX_HEADERS_LENGTH - JSON.stringify({ a: '' }).length;
    expect(checkHeaders({ a: 'x'.repeat(room) })['a']).toHaveLength(room);
    expect(() => checkHeaders({ a: 'x'.repeat(room + 1) })).toThrow(/at most 16384 characters/);
  });
});
