import { describe, expect, it } from 'vitest';
import type { PeerName } from '../../bench/src/peers/names.ts';
import { scenarioPlot } from '../../bench/src/report/plot.ts';
import { progressText } from '../../bench/src/report/progress-bar.ts';
import { type Measure, Results, compare, toJsonLine } from '../../bench/src/report/results.ts';
import { figure, median, percentile } from '../../bench/src/report/statistics.ts';
import { resultTable } from '../../bench/src/report/table.ts';

const rate = (value: number): Measure => ({ metric: 'drain_1p_50k', value, unit: 'jobs/s', better: 'higher' });

/** The results of several runs of each peer, taken in turn. */
function measured(runs: Partial<Record<PeerName, readonly number[]>>, measure = rate): Results {
  const results = new Results();
  const peers = Object.entries(runs) as [PeerName, readonly number[]][];
  for (let run = 0; run < Math.max(...peers.map(([, values]) => values.length)); run++) {
    for (const [peer, values] of peers) results.add(peer, 'drain', { concurrency: 10 }, measure(values[run]!));
  }
  return results;
}

describe('statistics', () => {
  it('the median is the middle value, or the mean of the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('a percentile is a value that was measured', () => {
    const values = Array.from({ length: 500 }, (_, index) => 500 - index);
    expect([50, 95, 99, 100].map((percent) => percentile(values, percent))).toEqual([250, 475, 495, 500]);
    expect(percentile([7], 50)).toBe(7);
  });

  it('figures keep three digits that matter', () => {
    expect([54_321.9, 54.321, 2.4, 0.0123, 0].map(figure)).toEqual(['54,322', '54.3', '2.4', '0.012', '0']);
  });
});

describe('results', () => {
  it('are written as one line a metric and peer, with the median and every run', () => {
    const [line] = measured({ 'graphile-worker': [10, 30, 20] })
      .all()
      .map(toJsonLine);
    expect(line).toEqual({
      peer: 'graphile-worker',
      scenario: 'drain',
      metric: 'drain_1p_50k',
      value: 20,
      unit: 'jobs/s',
      config: { concurrency: 10 },
      runs: [10, 30, 20],
    });
  });

  it('are compared with the best peer that is not ours, and with graphile-worker', () => {
    const group = measured({
      'dispatch-postgres': [60],
      'dispatch-memory': [900],
      'graphile-worker': [50],
      'bullmq-redis': [80],
    }).all();
    expect(compare(group[0]!, group)).toEqual({ toBest: 0.75, toYardstick: 1.2 });
  });

  it('take the smallest as the best where lower is better', () => {
    const ms = (value: number): Measure => ({ metric: 'latency', value, unit: 'ms', better: 'lower' });
    const group = measured({ 'dispatch-postgres': [3], 'graphile-worker': [4], 'pg-boss': [6] }, ms).all();
    expect(compare(group[0]!, group)).toEqual({ toBest: 0.75, toYardstick: 0.75 });
  });

  it('have nothing to be compared with when only ours was measured', () => {
    const group = measured({ 'dispatch-postgres': [60] }).all();
    expect(compare(group[0]!, group)).toEqual({ toBest: undefined, toYardstick: undefined });
  });
});

describe('the table', () => {
  it('names a metric once and shows median, smallest, largest and ratios of each peer', () => {
    const lines = resultTable(
      measured({ 'dispatch-postgres': [60, 50, 70], 'graphile-worker': [50, 40, 50] }).byMetric('drain'),
    ).split('\n');
    expect(lines[0]).toMatch(/metric +peer +median +min +max +unit +to best peer +to graphile-worker/);
    expect(lines[2]).toMatch(/^drain_1p_50k +dispatch-postgres +60 +50 +70 +jobs\/s +x 1\.20 +x 1\.20$/);
    expect(lines[3]).toMatch(/^ +graphile-worker +50 +40 +50 +jobs\/s +x 1\.00 +x 1\.00$/);
  });
});

describe('the picture', () => {
  it('has a bar for each peer and says which way is better', () => {
    const svg = scenarioPlot(
      { name: 'drain', about: 'Fewer than 10 & more than 1.' },
      measured({ 'dispatch-postgres': [60], 'graphile-worker': [50] }).byMetric('drain'),
      1,
    );
    expect(svg.match(/<rect /g)).toHaveLength(2);
    expect(svg).toContain('drain_1p_50k, jobs/s (higher is better)');
    expect(svg).toContain('Fewer than 10 &amp; more than 1.');
  });
});

describe('progress', () => {
  it('shows how many measurements are done, and for how long it has gone on', () => {
    expect(progressText(7, 14, 'drain', 125)).toBe(`[${'#'.repeat(14)}${'.'.repeat(14)}] 7/14 2:05 drain`);
  });
});
