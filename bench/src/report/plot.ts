import type { Scenario } from '../scenarios/scenario.ts';
import { isOurs } from '../peers/names.ts';
import type { Result } from './results.ts';
import { figure, median } from './statistics.ts';

const WIDTH = 760;
const LEFT = 160;
/** Characters that fit into the width. */
const LINE = 110;
const BAR = 20;
const GAP = 6;
const LONGEST = WIDTH - LEFT - 190;

/** A scenario as bars, a group a metric, with whiskers from the smallest to the largest run. */
export function scenarioPlot(
  scenario: Pick<Scenario, 'name' | 'about'>,
  groups: ReadonlyMap<string, readonly Result[]>,
  scale: number,
): string {
  const parts: string[] = [];
  let y = 26;
  const text = (x: number, at: number, words: string, more = ''): void =>
    void parts.push(`<text x="${x}" y="${at}" ${more}>${escape(words)}</text>`);
  text(12, y, scenario.name, 'font-size="16" font-weight="bold"');
  for (const line of wrap(scale === 1 ? scenario.about : `${scenario.about} At scale ${scale}.`)) {
    y += 18;
    text(12, y, line, 'class="quiet"');
  }
  for (const [metric, group] of groups) {
    const [first] = group;
    if (!first || first.better === 'neither') continue;
    y += 30;
    text(12, y, `${metric}, ${first.unit} (${first.better} is better)`, 'font-weight="bold"');
    y += 10;
    const most = Math.max(...group.flatMap(({ runs }) => runs));
    const length = (value: number): number => (most === 0 ? 0 : Math.round((value / most) * LONGEST * 10) / 10);
    for (const { peer, runs } of group) {
      const middle = y + BAR / 2;
      text(LEFT - 8, middle + 4, peer, 'text-anchor="end"');
      parts.push(
        `<rect x="${LEFT}" y="${y}" width="${length(median(runs))}" height="${BAR}" class="${isOurs(peer) ? 'ours' : 'theirs'}"/>`,
        `<line x1="${LEFT + length(Math.min(...runs))}" x2="${LEFT + length(Math.max(...runs))}" y1="${middle}" y2="${middle}" class="whisker"/>`,
      );
      text(LEFT + length(Math.max(...runs)) + 8, middle + 4, `${figure(median(runs))} ${first.unit}`);
      y += BAR + GAP;
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 20}" viewBox="0 0 ${WIDTH} ${y + 20}" font-family="system-ui, sans-serif" font-size="12">
<style>
  svg { background: #fff } text { fill: #222 } .quiet { fill: #666 }
  .ours { fill: #c2185b } .theirs { fill: #9aa7b2 } .whisker { stroke: #222; stroke-width: 1.5 }
</style>
${parts.join('\n')}
</svg>
`;
}

/** Lines of at most {@link LINE} characters, broken between words. */
function wrap(words: string): readonly string[] {
  const lines: string[] = [];
  for (const word of words.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < LINE) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function escape(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
