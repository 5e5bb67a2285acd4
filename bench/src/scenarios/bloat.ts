import { SERVER_OF } from '../peers/names.ts';
import { checkEach, drainJobs, handledAll, handledBy, settled } from './drain-jobs.ts';
import type { Bench, Scenario } from './scenario.ts';

const JOBS = 50_000;
const SECONDS = 60;
/** The same for all: who goes faster would leave more dead rows behind. */
const JOBS_PER_SECOND = 2_000;
const CHUNK = 200;

/** Whether dead rows that cannot be cleaned away slow a queue down. */
export const bloat: Scenario = {
  name: 'bloat',
  about: `A drain after ${SECONDS} s of ${JOBS_PER_SECOND} jobs a second under an open REPEATABLE READ transaction, against one before it.`,
  trials: [
    {
      name: 'bloat',
      unfit: (peer) => (SERVER_OF[peer] === 'postgres' ? undefined : 'it is not on PostgreSQL'),
      async run(bench) {
        const jobs = bench.scaled(JOBS);
        const producer = await bench.agent('throughput');
        await producer.call('prepare');
        const clean = await drainJobs(bench, producer, { jobs, workers: 1, purpose: 'throughput' });
        const release = await bench.server!.holdSnapshot(bench.url!);
        try {
          await work(bench, producer);
          const held = await drainJobs(bench, producer, { jobs, workers: 1, purpose: 'throughput' });
          return [
            { metric: 'bloat_held', value: held.jobsPerSecond, unit: 'jobs/s', better: 'higher' },
            { metric: 'bloat_clean', value: clean.jobsPerSecond, unit: 'jobs/s', better: 'higher' },
            { metric: 'bloat_ratio', value: held.jobsPerSecond / clean.jobsPerSecond, unit: 'x', better: 'higher' },
          ];
        } finally {
          await release();
        }
      },
    },
  ],
};

async function work(bench: Bench, producer: Awaited<ReturnType<Bench['agent']>>): Promise<void> {
  const seconds = bench.scaled(SECONDS);
  const worker = await bench.agent('throughput');
  await worker.call('work', { total: 2 * seconds * JOBS_PER_SECOND + CHUNK });
  bench.show(`working for ${seconds} s under an open transaction`);
  worker.onProgress = () => producer.tellHandled(handledBy([worker]));
  const sent = await producer.call('produce', {
    seconds,
    mode: 'bulk',
    inFlight: 1,
    chunk: CHUNK,
    limit: 20_000,
    rate: JOBS_PER_SECOND,
  });
  await handledAll([worker], sent);
  await settled(producer);
  await worker.call('stopWork');
  await checkEach([worker], sent);
  await worker.close();
}
