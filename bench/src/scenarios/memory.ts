import { drainJobs } from './drain-jobs.ts';
import type { Scenario } from './scenario.ts';

const JOBS = 200_000;

/** How much memory a worker takes at most. */
export const memory: Scenario = {
  name: 'memory',
  about: `The most memory that a worker process takes while it drains ${JOBS} jobs.`,
  trials: [
    {
      name: 'memory_peak_rss',
      async run(bench) {
        const producer = await bench.agent('throughput');
        await producer.call('prepare');
        const jobs = bench.scaled(JOBS);
        const { peakRssBytes } = await drainJobs(bench, producer, { jobs, workers: 1, purpose: 'throughput' });
        return [{ metric: 'memory_peak_rss', value: peakRssBytes / 1e6, unit: 'MB', better: 'lower' }];
      },
    },
  ],
};
