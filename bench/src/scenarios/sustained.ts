import { checkEach, handledAll, handledBy, settled } from './drain-jobs.ts';
import type { Scenario, Trial } from './scenario.ts';

const SECONDS = 20;
/** More jobs than any peer gets done in that time. */
const MOST = 4_000_000;
/** A producer that is so many jobs ahead waits, so that what is measured is both, not the one that is faster. */
const LIMIT = 20_000;

/** How fast jobs go through while they are enqueued. */
export const sustained: Scenario = {
  name: 'sustained',
  about: `One process enqueues for ${SECONDS} seconds while another works: jobs over the time until all are settled.`,
  trials: [trial('sustained_50', 'each'), trial('sustained_bulk', 'bulk')],
};

function trial(name: string, mode: 'each' | 'bulk'): Trial {
  return {
    name,
    async run(bench) {
      const seconds = bench.scaled(SECONDS);
      const producer = await bench.agent('throughput');
      await producer.call('prepare');
      const worker = bench.peer === 'dispatch-memory' ? producer : await bench.agent('throughput');
      await worker.call('work', { total: MOST });
      bench.show(`enqueuing and working for ${seconds} s`);
      worker.onProgress = () => producer.tellHandled(handledBy([worker]));
      const startedAt = process.hrtime.bigint();
      const sent = await producer.call('produce', { seconds, mode, inFlight: 50, chunk: 1_000, limit: LIMIT });
      await handledAll([worker], sent);
      const endedAt = await settled(producer);
      await worker.call('stopWork');
      await checkEach([worker], sent);
      const rate = sent / (Number(endedAt - startedAt) / 1e9);
      return [{ metric: name, value: rate, unit: 'jobs/s', better: 'higher' }];
    },
  };
}
