import type { FaultCounts } from './faults.js';
import { type Figure, figures } from './figures.js';
import type { ChaosOptions } from './options.js';
import type { Producer } from './producer.js';
import { type Evidence, RULES, judge } from './verdict.js';

/** What there is to report on. */
export interface Outcome {
  readonly evidence: Evidence;
  readonly producer: Producer;
  readonly faults: FaultCounts;
  /** How long the rest took after the last fault; `undefined`: it did not come to an end. */
  readonly drainedMs: number | undefined;
}

/** Most violations of one rule that are shown. */
const MOST_SHOWN = 5;

/** Prints the verdict. @returns whether no rule was broken */
export function report(options: ChaosOptions, outcome: Outcome): boolean {
  const { producer, faults, drainedMs, evidence } = outcome;
  const { store, workers, seed, durationMs } = options;
  table(`store ${store}, ${workers} workers, ${durationMs / 1_000} s, seed ${seed}`, [
    ['acknowledged', String(producer.acknowledged.size)],
    ['rolled back', String(producer.rolledBack.size)],
    ['enqueues that failed (jobs)', `${sum([...producer.failures.values()])} (${producer.unknown.size})`],
    ['longest enqueue', `${Math.round(producer.longestMs)} ms`],
    ['kills / freezes', `${faults.kills} / ${faults.freezes}`],
    ['all backends ended / server crashed', `${faults.terminations} / ${faults.restarts}`],
    ['drained after the last fault', drainedMs === undefined ? 'never' : `${drainedMs} ms`],
    ...figures(evidence),
  ]);
  for (const [text, count] of producer.failures) console.log(`  ${count} x ${text}`);

  const findings = judge(evidence);
  table(
    'violations',
    findings.map(({ rule, broken }) => [RULES[rule], String(broken.length)]),
  );
  for (const { rule, broken } of findings) {
    if (broken.length === 0) continue;
    console.log(`\n${RULES[rule]}:`);
    for (const text of broken.slice(0, MOST_SHOWN)) console.log(`  ${text}`);
    if (broken.length > MOST_SHOWN) console.log(`  and ${broken.length - MOST_SHOWN} more`);
  }
  const clean = findings.every(({ broken }) => broken.length === 0);
  console.log(`\nverdict: ${clean ? 'clean' : 'VIOLATED'}`);
  return clean;
}

function table(title: string, rows: readonly Figure[]): void {
  const width = Math.max(...rows.map(([name]) => name.length));
  console.log(`\n${title}\n${'-'.repeat(title.length)}`);
  for (const [name, value] of rows) console.log(`${name.padEnd(width)}  ${value}`);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
