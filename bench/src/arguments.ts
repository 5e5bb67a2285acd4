import { parseArgs } from 'node:util';
import { PEER_NAMES, type PeerName } from './peers/names.ts';
import type { Config } from './peers/peer.ts';

/** What the command line asks for. */
export interface Plan {
  readonly scenarios: readonly string[];
  readonly peers: readonly PeerName[];
  readonly runs: number;
  /** Numbers of jobs and lengths of time are multiplied by it. */
  readonly scale: number;
  /** Only trials with one of these names. */
  readonly only: readonly string[];
  readonly json: string | undefined;
  /** Where pictures go; undefined: none. */
  readonly plotFolder: string | undefined;
  /** Options of peers that take the place of ours. */
  readonly overrides: ReadonlyMap<PeerName, Config>;
}

export const USAGE = `npm run bench -- [options]

  --scenario drain,latency   which scenarios; left out or "all": every one
  --peers a,b                which peers, out of ${PEER_NAMES.join(', ')};
                             left out: dispatch-postgres and the peers on a server
  --runs 3                   how often each measurement is taken, peers in turn
  --scale 0.1                with fewer jobs and less time; figures at another scale than 1 are for trying out
  --only drain_1p_50k        some measurements of a scenario, by name
  --set graphile-worker.concurrentJobs=48    another value for an option of a peer; may be given more than once
  --json out.jsonl           writes one JSON object a line: { peer, scenario, metric, value, unit, config, runs }
  --plot                     draws an SVG per scenario into docs/bench
  --plot-folder folder       ... into another folder
  --list                     names scenarios and their measurements
  --help                     shows this`;

const DEFAULT_PEERS = PEER_NAMES.filter((name) => name !== 'dispatch-sqlite' && name !== 'dispatch-memory');

/** What is wrong with the command line, and what to do. */
export class UsageError extends Error {}

/**
 * Reads the command line.
 *
 * @param known names of scenarios
 * @param docsFolder where pictures go unless said
 * @returns what to do
 * @throws UsageError naming the option and the value received
 */
export function parsePlan(
  args: readonly string[],
  known: readonly string[],
  docsFolder: string,
): Plan | 'help' | 'list' {
  const flags = parseFlags(args);
  if (flags.help) return 'help';
  if (flags.list) return 'list';
  const wanted = names(flags.scenario);
  const scenarios = wanted.length === 0 || wanted.includes('all') ? known : wanted;
  check('--scenario', scenarios, known);
  const peers = names(flags.peers);
  check('--peers', peers, PEER_NAMES);
  return {
    scenarios,
    peers: peers.length === 0 ? DEFAULT_PEERS : (peers as readonly PeerName[]),
    runs: number('--runs', flags.runs, (value) => Number.isInteger(value) && value >= 1, 'a whole number from 1'),
    scale: number('--scale', flags.scale, (value) => value > 0 && value <= 10, 'a number above 0, up to 10'),
    only: names(flags.only),
    json: flags.json,
    plotFolder: flags['plot-folder'] ?? (flags.plot ? docsFolder : undefined),
    overrides: parseOverrides(flags.set),
  };
}

function parseFlags(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        scenario: { type: 'string', default: '' },
        peers: { type: 'string', default: '' },
        runs: { type: 'string', default: '3' },
        scale: { type: 'string', default: '1' },
        only: { type: 'string', default: '' },
        set: { type: 'string', multiple: true, default: [] },
        json: { type: 'string' },
        plot: { type: 'boolean', default: false },
        'plot-folder': { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function parseOverrides(texts: readonly string[]): Map<PeerName, Config> {
  const overrides = new Map<PeerName, Config>();
  for (const text of texts) {
    const [, peer, option, value] = /^([a-z-]+)\.([A-Za-z]+)=(.*)$/.exec(text) ?? [];
    if (peer === undefined || option === undefined || value === undefined) {
      throw new UsageError(`--set takes peer.option=value (got ${JSON.stringify(text)}).`);
    }
    check('--set', [peer], PEER_NAMES);
    overrides.set(peer as PeerName, { ...overrides.get(peer as PeerName), [option]: toValue(value) });
  }
  return overrides;
}

function toValue(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

function names(list: string): readonly string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function check(flag: string, given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`${flag} knows ${known.join(', ')} (got ${JSON.stringify(unknown)}).`);
  }
}

function number(flag: string, text: string, fits: (value: number) => boolean, what: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!fits(value)) throw new UsageError(`${flag} must be ${what} (got ${JSON.stringify(text)}).`);
  return value;
}
