import { parseArgs } from 'node:util';
import { type Sabotage, parseSabotages } from './sabotage.js';

/** What one run is to do. */
export interface ChaosOptions {
  readonly store: 'postgres' | 'sqlite';
  readonly workers: number;
  /** Jobs to be acknowledged. */
  readonly jobs: number;
  /** How long faults happen, in milliseconds. */
  readonly durationMs: number;
  readonly seed: number;
  /** Leave the folder with database and logs. */
  readonly keep: boolean;
  /** Faults of the store that are made on purpose, to see that the judge notices. */
  readonly sabotage: readonly Sabotage[];
}

/** About 20,000 in two minutes. */
const JOBS_PER_SECOND = 20_000 / 120;

/** @throws Error with how to call it */
export function readOptions(args: readonly string[]): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      store: { type: 'string', default: 'sqlite' },
      workers: { type: 'string', default: '4' },
      jobs: { type: 'string' },
      minutes: { type: 'string' },
      seconds: { type: 'string' },
      seed: { type: 'string', default: '1' },
      keep: { type: 'boolean', default: false },
      sabotage: { type: 'string' },
    },
  });
  const { store, keep } = values;
  if (store !== 'postgres' && store !== 'sqlite') throw new Error(`--store is postgres or sqlite (got ${store}).`);
  const seconds =
    values.seconds === undefined
      ? positive('minutes', values.minutes ?? '2') * 60
      : positive('seconds', values.seconds);
  return {
    store,
    workers: Math.round(positive('workers', values.workers)),
    jobs: Math.round(values.jobs === undefined ? seconds * JOBS_PER_SECOND : positive('jobs', values.jobs)),
    durationMs: seconds * 1_000,
    seed: Math.round(positive('seed', values.seed)),
    keep,
    sabotage: values.sabotage === undefined ? [] : parseSabotages(values.sabotage),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} is a number above 0 (got ${text}).`);
  return value;
}
