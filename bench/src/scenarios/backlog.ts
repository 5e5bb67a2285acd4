import { drainJobs } from './drain-jobs.ts';
import { type Scenario, oneProcessOnly } from './scenario.ts';

const JOBS = 50_000;
const DEFERRED = 1_000_000;
const FAILED = 100_000;

/** Whether jobs that wait for later, or have failed, slow down those that are due. */
export const backlog: Scenario = {
  name: 'backlog',
  about: `A drain beside ${DEFERRED} deferred jobs of a higher priority and ${FAILED} failed ones, against one beside nothing.`,
  trials: [
    {
      name: 'backlog',
      unfit: oneProcessOnly,
      async run(bench) {
        const jobs = bench.scaled(JOBS);
        const producer = await bench.agent('throughput');
        await producer.call('prepare');
        const empty = await drainJobs(bench, producer, { jobs, workers: 1, purpose: 'throughput' });
        await drainJobs(bench, producer, {
          jobs: bench.scaled(FAILED),
          workers: 1,
          purpose: 'results',
          failEvery: 1,
        });
        const deferred = bench.scaled(DEFERRED);
        bench.show(`enqueuing ${deferred} deferred jobs`);
        await producer.call('enqueueBulk', { from: jobs, count: deferred, deferred: true });
        const full = await drainJobs(bench, producer, { jobs, workers: 1, purpose: 'throughput' });
        return [
          { metric: 'backlog_full', value: full.jobsPerSecond, unit: 'jobs/s', better: 'higher' },
          { metric: 'backlog_empty', value: empty.jobsPerSecond, unit: 'jobs/s', better: 'higher' },
          { metric: 'backlog_ratio', value: full.jobsPerSecond / empty.jobsPerSecond, unit: 'x', better: 'higher' },
        ];
      },
    },
  ],
};
