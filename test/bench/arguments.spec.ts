import { describe, expect, it } from 'vitest';
import { type Plan, parsePlan, UsageError } from '../../bench/src/arguments.ts';
import { PEER_NAMES } from '../../bench/src/peers/names.ts';

const parse = (...args: string[]): Plan => {
  const plan = parsePlan(args, ['drain', 'latency'], 'docs/bench');
  if (typeof plan === 'string') throw new Error(`not a plan: ${plan}`);
  return plan;
};

describe('the command line of the benchmark', () => {
  it('left empty means every scenario, three runs and every peer on a server', () => {
    expect(parse()).toEqual({
      scenarios: ['drain', 'latency'],
      peers: ['dispatch-postgres', 'graphile-worker', 'pg-boss', 'bullmq-redis', 'bullmq-postgres'],
      runs: 3,
      scale: 1,
      only: [],
      json: undefined,
      plotFolder: undefined,
      overrides: new Map(),
    });
  });

  it('chooses scenarios, peers, measurements, runs, scale and where results go', () => {
    const plan = parse(
      ...['--scenario', 'drain', '--peers', 'dispatch-postgres, graphile-worker', '--only', 'drain_1p_50k'],
      ...['--runs', '5', '--scale', '0.1', '--json', 'out.jsonl', '--plot'],
    );
    expect(plan).toMatchObject({
      scenarios: ['drain'],
      peers: ['dispatch-postgres', 'graphile-worker'],
      only: ['drain_1p_50k'],
      runs: 5,
      scale: 0.1,
      json: 'out.jsonl',
      plotFolder: 'docs/bench',
    });
    expect(parse('--plot-folder', 'pictures').plotFolder).toBe('pictures');
    expect(parse('--scenario', 'all').scenarios).toEqual(['drain', 'latency']);
  });

  it('gives peers other options, as numbers, truths or text', () => {
    const { overrides } = parse(
      ...['--set', 'graphile-worker.concurrentJobs=48', '--set', 'graphile-worker.preparedStatements=false'],
      ...['--set', 'dispatch-postgres.lease=30s'],
    );
    expect(overrides).toEqual(
      new Map<string, object>([
        ['graphile-worker', { concurrentJobs: 48, preparedStatements: false }],
        ['dispatch-postgres', { lease: '30s' }],
      ]),
    );
  });

  it.each([
    [['--scenario', 'drian'], /--scenario knows drain, latency \(got "drian"\)/],
    [['--peers', 'sidekiq'], new RegExp(`--peers knows ${PEER_NAMES.join(', ')} \\(got "sidekiq"\\)`)],
    [['--runs', '0'], /--runs must be a whole number from 1 \(got "0"\)/],
    [['--scale', 'half'], /--scale must be a number above 0, up to 10 \(got "half"\)/],
    [['--set', 'concurrency=5'], /--set takes peer.option=value \(got "concurrency=5"\)/],
    [['--set', 'sidekiq.concurrency=5'], /--set knows/],
    [['--fast'], /--fast/],
  ])('%s is refused with what was wrong', (args, message) => {
    expect(() => parse(...args)).toThrow(UsageError);
    expect(() => parse(...args)).toThrow(message);
  });

  it('asks for help or for the list of scenarios', () => {
    expect(parsePlan(['--help'], [], '')).toBe('help');
    expect(parsePlan(['--list'], [], '')).toBe('list');
  });
});
