import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from '../report/statistics.ts';
import { checkEach, handledAll } from './drain-jobs.ts';
import { type Scenario, type Trial, oneProcessOnly } from './scenario.ts';

const SAMPLES = 500;
const GAP_MS = 25;
/** Worker and statements are warmed up by so many jobs that do not count. */
const WARM_UP = 50;

/** How soon an idle worker starts a job. */
export const latency: Scenario = {
  name: 'latency',
  about: 'One job at a time for an idle worker: milliseconds from the call of enqueue to the call of the handler.',
  trials: [{ ...trial('latency_other', 2), unfit: oneProcessOnly }, trial('latency_same', 1)],
};

function trial(name: string, processes: number): Trial {
  return {
    name,
    async run(bench) {
      const worker = await bench.agent('latency');
      await worker.call('prepare');
      const producer = processes === 2 ? await bench.agent('latency') : worker;
      const samples = bench.scaled(SAMPLES);
      const total = WARM_UP + samples;
      await worker.call('work', { total });
      await delay(1_000);
      bench.show(`${samples} jobs, one at a time`);
      await producer.call('probe', { samples: WARM_UP, gapMs: GAP_MS });
      await producer.call('probe', { from: WARM_UP, samples, gapMs: GAP_MS });
      await handledAll([worker], total);
      await worker.call('stopWork');
      await checkEach([worker], total);
      const times = (await worker.call('latencies')).slice(WARM_UP);
      return [50, 95, 99].map((percent) => ({
        metric: `${name}_p${percent}`,
        value: percentile(times, percent),
        unit: 'ms',
        better: 'lower' as const,
      }));
    },
  };
}
