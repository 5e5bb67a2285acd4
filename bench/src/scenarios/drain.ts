import type { Measure } from '../report/results.ts';
import { type DrainPlan, type Drained, drainJobs } from './drain-jobs.ts';
import { type Scenario, type Trial, oneProcessOnly } from './scenario.ts';

/** How fast waiting jobs that do nothing are worked off. */
export const drain: Scenario = {
  name: 'drain',
  about: 'Jobs that do nothing are enqueued, then worked off by one or two new processes.',
  trials: [
    trial('drain_1p_50k', { jobs: 50_000, workers: 1, purpose: 'throughput' }),
    trial('drain_1p_200k', { jobs: 200_000, workers: 1, purpose: 'throughput' }),
    { ...trial('drain_2p_50k', { jobs: 50_000, workers: 2, purpose: 'throughput' }), unfit: oneProcessOnly },
    { ...trial('drain_2p_200k', { jobs: 200_000, workers: 2, purpose: 'throughput' }), unfit: oneProcessOnly },
    {
      ...trial('drain_results_50k', { jobs: 50_000, workers: 1, purpose: 'results', failEvery: 100 }),
      unfit: (peer) => (peer === 'graphile-worker' ? 'it keeps no results' : undefined),
    },
  ],
};

function trial(name: string, plan: DrainPlan): Trial {
  return {
    name,
    async run(bench) {
      const producer = await bench.agent(plan.purpose);
      await producer.call('prepare');
      return figures(name, await drainJobs(bench, producer, { ...plan, jobs: bench.scaled(plan.jobs) }));
    },
  };
}

/** A drain as metrics: the rate, and what explains it. */
export function figures(name: string, drained: Drained): readonly Measure[] {
  const explaining = { unit: 'us/job', better: 'lower' } as const;
  return [
    { metric: name, value: drained.jobsPerSecond, unit: 'jobs/s', better: 'higher' },
    { metric: `${name}_worker_cpu`, value: drained.workerUsPerJob, ...explaining },
    ...(drained.serverUsPerJob === null
      ? []
      : [{ metric: `${name}_server_cpu`, value: drained.serverUsPerJob, ...explaining }]),
    { metric: `${name}_rss`, value: drained.peakRssBytes / 1e6, unit: 'MB', better: 'lower' },
  ];
}
