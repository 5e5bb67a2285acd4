import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makeOrders } from '../../sample/01-jobs/data/make-orders.js';
import { findProblems } from '../../sample/01-jobs/demo/audit.js';
import { Progress } from '../../sample/01-jobs/demo/progress.js';

describe('the audit of the demo', () => {
  it('finds nothing when each order has one PDF or one dead-letter entry', () => {
    expect(findProblems(['a', 'b'], ['a'], ['b'])).toEqual([]);
  });

  it.each([
    ['an order with neither', ['a', 'b'], ['a'], [], 'order b has 0 PDFs and 0 dead-letter entries'],
    ['an order with both', ['a'], ['a'], ['a'], 'order a has 1 PDFs and 1 dead-letter entries'],
    ['an order that failed twice', ['a'], [], ['a', 'a'], 'order a has 0 PDFs and 2 dead-letter entries'],
    ['a PDF of nobody', ['a'], ['a', 'x'], [], 'x is no order that was posted'],
    ['an id given twice', ['a', 'a'], ['a'], [], 'two orders have the same id'],
  ])('finds %s', (_what, orders, pdfs, entries, problem) => {
    expect(findProblems(orders, pdfs, entries)).toEqual([problem]);
  });
});

describe('the progress line of the demo', () => {
  it('shows the counts and the rate of the last two seconds', () => {
    let now = 0;
    const progress = new Progress(100, () => now);
    const counts = { pending: 90, running: 4, retrying: 2, completed: 0, failed: 0, cancelled: 0 };
    progress.line(counts);
    now = 1_000;
    expect(progress.line({ ...counts, completed: 49, failed: 1 })).toBe(
      '  49 of 100 done     4 running     2 retrying     1 failed    50 jobs/s',
    );
    now = 4_000;
    expect(progress.line({ ...counts, completed: 49, failed: 1 })).toContain('   0 jobs/s');
  });
});

describe('the orders of the demo', () => {
  it('are what the generator makes', () => {
    const file = new URL('../../sample/01-jobs/data/orders.csv', import.meta.url);
    expect(makeOrders(1_000)).toBe(readFileSync(file, 'utf8'));
  });
});
