import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newJobId } from '../../../lib/id/ids.js';
import { SortedRows } from '../../../lib/store/memory/sorted-rows.js';

interface Row {
  readonly id: string;
  readonly at: number;
}

function pageThrough(rows: SortedRows<Row>, order: 'asc' | 'desc', limit: number): readonly Row[] {
  const found: Row[] = [];
  let cursor: string | undefined;
  do {
    const page = rows.page({ order, limit, cursor }, () => true);
    found.push(...page.rows);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}

describe('SortedRows', () => {
  it('pages through its rows by time and id, in both orders, whatever order they came and went in', () => {
    const times = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean()), { maxLength: 200 });
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 30 }), (given, limit) => {
        const rows = new SortedRows<Row>('job', ({ at }) => at);
        const kept: Row[] = [];
        for (const [at, keep] of given) {
          const row = { id: newJobId(), at };
          rows.add(row);
          if (keep) kept.push(row);
          else rows.delete(row.id);
        }
        kept.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
        expect(pageThrough(rows, 'asc', limit)).toEqual(kept);
        expect(pageThrough(rows, 'desc', limit)).toEqual(kept.toReversed());
        expect([...rows.values()]).toHaveLength(kept.length);
      }),
    );
  });

  it('does not list a row that was deleted and added again twice', () => {
    const rows = new SortedRows<Row>('job', ({ at }) => at);
    const row = { id: newJobId(), at: 1 };
    rows.add(row);
    rows.delete(row.id);
    rows.add(row);
    expect(pageThrough(rows, 'asc', 10)).toEqual([row]);
  });
});
