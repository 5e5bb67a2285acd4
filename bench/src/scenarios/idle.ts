import { setTimeout as delay } from 'node:timers/promises';
import type { Measure } from '../report/results.ts';
import { processorTimeUs } from '../servers/processor-time.ts';
import type { Scenario } from './scenario.ts';

/** Until polling has slowed down. */
const SETTLE_SECONDS = 40;
const SECONDS = 60;

/** What a worker without work costs. */
export const idle: Scenario = {
  name: 'idle',
  about: `A worker without work, for ${SECONDS} s after ${SETTLE_SECONDS} s of rest: calls of the store, and processor time.`,
  trials: [
    {
      name: 'idle',
      async run(bench) {
        const { server, url } = bench;
        const calls = server && url !== undefined ? await server.countCalls(url) : undefined;
        const producer = await bench.agent('throughput');
        await producer.call('prepare');
        await producer.close();
        const worker = await bench.agent('throughput');
        // The memory store has not been prepared in this process.
        if (bench.peer === 'dispatch-memory') await worker.call('prepare');
        await worker.call('work', { total: 1 });
        bench.show('resting');
        await delay(bench.scaled(SETTLE_SECONDS) * 1_000);
        const read = async () => ({
          calls: await calls?.(),
          server: server ? processorTimeUs(server.pid) : null,
          worker: (await worker.call('usage')).cpuUs,
          at: performance.now(),
        });
        const before = await read();
        await delay(bench.scaled(SECONDS) * 1_000);
        const after = await read();
        const seconds = (after.at - before.at) / 1_000;
        const measures: Measure[] = [];
        const add = (metric: string, amount: number, unit: string) =>
          measures.push({ metric, value: amount / seconds, unit, better: 'lower' });
        if (before.calls !== undefined && after.calls !== undefined) {
          add('idle_store_calls', after.calls - before.calls, '1/s');
        }
        add('idle_worker_cpu', (after.worker - before.worker) / 1_000, 'ms/s');
        if (before.server !== null && after.server !== null) {
          add('idle_server_cpu', (after.server - before.server) / 1_000, 'ms/s');
        }
        return measures;
      },
    },
  ],
};
