import { YARDSTICK } from '../peers/names.ts';
import { type Result, compare } from './results.ts';
import { figure, median } from './statistics.ts';

const HEAD = ['metric', 'peer', 'median', 'min', 'max', 'unit', 'to best peer', `to ${YARDSTICK}`];

/** The results of a scenario, by metric, as text in columns. */
export function resultTable(groups: ReadonlyMap<string, readonly Result[]>): string {
  const rows: string[][] = [];
  for (const [metric, group] of groups) {
    group.forEach((result, index) => {
      const { toBest, toYardstick } = compare(result, group);
      rows.push([
        index === 0 ? metric : '',
        result.peer,
        figure(median(result.runs)),
        figure(Math.min(...result.runs)),
        figure(Math.max(...result.runs)),
        result.unit,
        toBest === undefined ? '' : `x ${toBest.toFixed(2)}`,
        toYardstick === undefined ? '' : `x ${toYardstick.toFixed(2)}`,
      ]);
    });
  }
  return columns(HEAD, rows);
}

/** Columns of words; the others are numbers, and stand to the right. */
const WORDS: ReadonlySet<string> = new Set(['metric', 'peer', 'unit']);

function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (WORDS.has(head[column]!) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}
