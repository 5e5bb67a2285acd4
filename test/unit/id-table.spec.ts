import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdTable } from '../../lib/worker/id-table.js';

interface Item {
  readonly id: string;
}

const step = fc.record({ kind: fc.constantFrom('set', 'delete', 'stranger', 'clear'), at: fc.nat({ max: 90 }) });

describe('a table of items by their ids', () => {
  it('holds what a Map would hold, whatever comes and goes', () => {
    // Few distinct endings, so that many ids want the same place.
    const id = fc.tuple(fc.constantFrom('', 'x', 'job_'), fc.integer({ min: 0, max: 30 })).map(([a, b]) => `${a}${b}`);
    fc.assert(
      fc.property(fc.uniqueArray(id, { minLength: 1 }), fc.array(step, { maxLength: 400 }), (ids, steps) => {
        const table = new IdTable<Item>();
        const expected = new Map<string, Item>();
        for (const { kind, at } of steps) {
          const item = { id: ids[at % ids.length]! };
          const there = expected.get(item.id);
          if (kind === 'set') {
            table.set(item);
            expected.set(item.id, item);
          } else if (kind === 'stranger') {
            table.delete(item);
          } else if (kind === 'clear' && at === 0) {
            table.clear();
            expected.clear();
          } else if (there) {
            table.delete(there);
            expected.delete(item.id);
          }
          expect(table.size).toBe(expected.size);
        }
        for (const each of ids) expect(table.get(each)).toBe(expected.get(each));
        expect(new Set(table.values())).toEqual(new Set(expected.values()));
      }),
    );
  });

  it('grows, and finds everything after it', () => {
    const table = new IdTable<Item>();
    const items = Array.from({ length: 5_000 }, (_, n) => ({ id: `job_${n}` }));
    for (const item of items) table.set(item);
    for (const item of items) expect(table.get(item.id)).toBe(item);
    for (const item of items.slice(100)) table.delete(item);
    expect(table.values().length).toBe(100);
  });
});
