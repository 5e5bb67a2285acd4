import { isOurs } from '../peers/names.ts';
import { type DrainPlan, drainJobs } from './drain-jobs.ts';
import type { Scenario } from './scenario.ts';

const JOBS = 50_000;

/** What the NestJS module costs. */
export const nest: Scenario = {
  name: 'nest',
  about: 'A drain through the NestJS module and a decorated method, against one through the bare engine.',
  trials: [
    {
      name: 'nest',
      unfit: (peer) => {
        if (peer === 'dispatch-memory') return 'the memory store lives in one process';
        return isOurs(peer) ? undefined : 'it has no NestJS module of its own';
      },
      async run(bench) {
        const plan: DrainPlan = { jobs: bench.scaled(JOBS), workers: 1, purpose: 'throughput' };
        const producer = await bench.agent('throughput');
        await producer.call('prepare');
        const rate = async (more: Readonly<Record<string, boolean>>) =>
          (await drainJobs(bench, producer, { ...plan, more })).jobsPerSecond;
        // By turns the one or the other finds an empty history.
        const first = bench.run % 2 === 1 ? 'engine' : 'module';
        const one = await rate(first === 'module' ? { nest: true } : {});
        const two = await rate(first === 'module' ? {} : { nest: true });
        const [engine, module] = first === 'engine' ? [one, two] : [two, one];
        return [
          { metric: 'nest_module', value: module, unit: 'jobs/s', better: 'higher' },
          { metric: 'nest_engine', value: engine, unit: 'jobs/s', better: 'higher' },
          { metric: 'nest_ratio', value: module / engine, unit: 'x', better: 'higher' },
        ];
      },
    },
  ],
};
