import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidIdError, isJobId, newDlqId, newJobId, newWorkerId, parseJobId, parseRunId } from '../../lib/id/ids.js';
import { SUFFIX_LENGTH, isTypeId, newTypeId, typeIdToUuid, uuidToTypeId } from '../../lib/id/type-id.js';

const prefixes = fc.constantFrom('job', 'run', 'cron', 'dlq', 'evt', 'wkr', 'chk');
const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz';
const suffixes = fc
  .tuple(
    fc.constantFrom(...Array.from('01234567')),
    fc.array(fc.constantFrom(...Array.from(BASE32)), { minLength: SUFFIX_LENGTH - 1, maxLength: SUFFIX_LENGTH - 1 }),
  )
  .map(([first, rest]) => first + rest.join(''));

describe('TypeIDs', () => {
  it('survive the way to a UUID and back', () => {
    fc.assert(
      fc.property(prefixes, suffixes, (prefix, suffix) => {
        const id = `${prefix}_${suffix}`;
        expect(uuidToTypeId(prefix, typeIdToUuid(id))).toBe(id);
      }),
    );
  });

  it('of any UUID survive the way back, whatever its version and case', () => {
    fc.assert(
      fc.property(prefixes, fc.uuid(), (prefix, uuid) => {
        expect(typeIdToUuid(uuidToTypeId(prefix, uuid))).toBe(uuid);
        expect(uuidToTypeId(prefix, uuid.toUpperCase())).toBe(uuidToTypeId(prefix, uuid));
        expect(isTypeId(uuidToTypeId(prefix, uuid), prefix)).toBe(true);
      }),
    );
  });

  it('agree with the vectors of their specification', () => {
    expect(typeIdToUuid('prefix_00000000000000000000000000')).toBe('00000000-0000-0000-0000-000000000000');
    expect(typeIdToUuid('prefix_7zzzzzzzzzzzzzzzzzzzzzzzzz')).toBe('ffffffff-ffff-ffff-ffff-ffffffffffff');
    expect(uuidToTypeId('prefix', '0188bac7-4afa-78aa-bc3b-bd1eef28d881')).toBe('prefix_01h2xcejqtf2nbrexx3vqjhp41');
    expect(typeIdToUuid('prefix_0123456789abcdefghjkmnpqrs')).toBe('0110c853-1d09-52d8-d73e-1194e95b5f19');
  });

  it('hold a UUID of version 7 with the time they were made at', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60_000 }), (step) => {
        const at = Date.UTC(2040, 0, 1) + step;
        const uuid = typeIdToUuid(newTypeId('job', at));
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        const inside = Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16);
        // An id asked for with an earlier time takes the time of the one before it.
        expect(inside).toBeGreaterThanOrEqual(at);
        expect(inside).toBeLessThanOrEqual(Date.UTC(2040, 0, 1) + 60_000);
      }),
    );
  });

  it('grow within a millisecond', () => {
    const at = Date.UTC(2041, 0, 1);
    const ids = Array.from({ length: 5_000 }, () => newTypeId('job', at));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('grow while the clock steps back and forth, as text and as UUID', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -90_000, max: 90_000 }), { minLength: 2, maxLength: 50 }), (steps) => {
        let at = Date.UTC(2042, 0, 1);
        const ids = steps.map((step) => newTypeId('job', (at += step)));
        expect([...ids].sort()).toEqual(ids);
        const uuids = ids.map(typeIdToUuid);
        expect([...uuids].sort()).toEqual(uuids);
      }),
    );
  });

  it('are never given twice', () => {
    const ids = new Set<string>();
    for (let i = 0; i < 100_000; i++) ids.add(newJobId());
    expect(ids.size).toBe(100_000);
  });

  it('are told from everything else without a throw', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }), (value) => {
        expect(isTypeId(value, 'job')).toBe(false);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 30, maxLength: 30 }), (text) => {
        expect(isTypeId(text, 'job')).toBe(/^job_[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text));
      }),
    );
  });

  it('with one character changed are recognised only while that character is of the alphabet', () => {
    fc.assert(
      fc.property(
        suffixes,
        fc.nat({ max: 29 }),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        (suffix, at, c) => {
          const id = `job_${suffix}`;
          const text = id.slice(0, at) + c + id.slice(at + 1);
          expect(isTypeId(text, 'job')).toBe(/^job_[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text));
        },
      ),
    );
  });
});

describe('ids of the API', () => {
  it('carry the prefix of their kind', () => {
    expect(newJobId()).toMatch(/^job_/);
    expect(newDlqId()).toMatch(/^dlq_/);
    expect(newWorkerId()).toMatch(/^wkr_/);
  });

  it('are returned by their parser unchanged', () => {
    const id = newJobId();
    expect(parseJobId(id)).toBe(id);
    expect(isJobId(id)).toBe(true);
  });

  it('of another kind are refused with the prefix that was expected', () => {
    expect(() => parseRunId(newJobId())).toThrow(/is not a run id: expected "run_" and 26 characters/);
    expect(isJobId(newDlqId())).toBe(false);
  });

  it.each([
    undefined,
    null,
    42,
    {},
    '',
    'job_',
    `job_${'8'.repeat(26)}`,
    `JOB_${'0'.repeat(26)}`,
    `job_${'U'.repeat(26)}`,
  ])('refuse %o with a client error', (value) => {
    expect(() => parseJobId(value)).toThrow(InvalidIdError);
    try {
      parseJobId(value);
    } catch (error) {
      expect(error).toMatchObject({ code: 'INVALID_ID', status: 400 });
    }
  });

  it('show no more than the beginning of a long text', () => {
    expect(new InvalidIdError('x'.repeat(10_000), 'job').message.length).toBeLessThan(200);
  });
});
