import { type PeerName, YARDSTICK } from '../peers/names.ts';
import type { Config } from '../peers/peer.ts';
import { median } from './statistics.ts';

/** Which way is better. `neither` is for figures that only explain others. */
export type Better = 'higher' | 'lower' | 'neither';

/** One figure of one run. */
export interface Measure {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly better: Better;
}

/** One metric of one peer, over all runs. */
export interface Result extends Omit<Measure, 'value'> {
  readonly peer: PeerName;
  readonly scenario: string;
  readonly config: Config;
  readonly runs: readonly number[];
}

/** What is written, one JSON object a line. */
export interface JsonLine {
  readonly peer: PeerName;
  readonly scenario: string;
  readonly metric: string;
  /** The median of `runs`. */
  readonly value: number;
  readonly unit: string;
  readonly config: Config;
  readonly runs: readonly number[];
}

/** Gathers figures as they are measured. */
export class Results {
  private readonly byKey = new Map<string, Result & { runs: number[] }>();

  add(peer: PeerName, scenario: string, config: Config, { value, ...measure }: Measure): void {
    const key = `${scenario}/${measure.metric}/${peer}`;
    const known = this.byKey.get(key);
    if (known) known.runs.push(value);
    else this.byKey.set(key, { ...measure, peer, scenario, config, runs: [value] });
  }

  /** In the order of their first measurement. */
  all(scenario?: string): readonly Result[] {
    const results = [...this.byKey.values()];
    return scenario === undefined ? results : results.filter((result) => result.scenario === scenario);
  }

  /** By metric, in the order of their first measurement. */
  byMetric(scenario: string): ReadonlyMap<string, readonly Result[]> {
    const groups = new Map<string, Result[]>();
    for (const result of this.all(scenario)) groups.set(result.metric, [...(groups.get(result.metric) ?? []), result]);
    return groups;
  }
}

export function toJsonLine({ peer, scenario, metric, unit, config, runs }: Result): JsonLine {
  return { peer, scenario, metric, value: median(runs), unit, config, runs };
}

/** How a result stands to others of its metric: values divided by theirs. */
export interface Comparison {
  /** Against the best of the peers that are not ours. */
  readonly toBest: number | undefined;
  /** Against {@link YARDSTICK}. */
  readonly toYardstick: number | undefined;
}

export function compare(result: Result, group: readonly Result[]): Comparison {
  if (result.better === 'neither') return { toBest: undefined, toYardstick: undefined };
  const others = group.filter(({ peer }) => !peer.startsWith('dispatch-'));
  const values = others.map(({ runs }) => median(runs));
  const best = values.length === 0 ? undefined : Math[result.better === 'higher' ? 'max' : 'min'](...values);
  const yardstick = others.find(({ peer }) => peer === YARDSTICK);
  return {
    toBest: ratio(median(result.runs), best),
    toYardstick: ratio(median(result.runs), yardstick && median(yardstick.runs)),
  };
}

function ratio(value: number, other: number | undefined): number | undefined {
  return other === undefined || other === 0 ? undefined : value / other;
}
