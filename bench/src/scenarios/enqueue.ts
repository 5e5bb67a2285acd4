import type { AgentProcess } from '../process/agent-process.ts';
import { type Bench, type Scenario, type Trial } from './scenario.ts';

/** How fast jobs are stored while nobody works on them. */
export const enqueue: Scenario = {
  name: 'enqueue',
  about: 'Jobs are stored by one process while nobody works on them.',
  trials: [each('enqueue_one', 5_000, 1), each('enqueue_50', 20_000, 50), bulk('enqueue_bulk_100k', 100_000)],
};

function each(name: string, jobs: number, inFlight: number): Trial {
  return measured(name, jobs, (producer, count) => producer.call('enqueueEach', { from: 0, count, inFlight }));
}

function bulk(name: string, jobs: number): Trial {
  return measured(name, jobs, (producer, count) => producer.call('enqueueBulk', { from: 0, count }));
}

function measured(
  name: string,
  jobs: number,
  store: (producer: AgentProcess, count: number) => Promise<number>,
): Trial {
  return {
    name,
    async run(bench) {
      const count = bench.scaled(jobs);
      const producer = await bench.agent('throughput');
      await producer.call('prepare');
      // Connections and statements are made by the first jobs.
      await producer.call('enqueueEach', { from: 0, count: WARM_UP, inFlight: 50 });
      bench.show(`enqueuing ${count} jobs`);
      const seconds = await store(producer, count);
      await check(bench, producer, count + WARM_UP);
      return [{ metric: name, value: count / seconds, unit: 'jobs/s', better: 'higher' }];
    },
  };
}

const WARM_UP = 200;

async function check(bench: Bench, producer: AgentProcess, wanted: number): Promise<void> {
  const { open } = await producer.call('openJobs');
  if (open !== wanted) throw new Error(`${bench.peer} has ${open} jobs waiting, and ${wanted} were enqueued.`);
}
