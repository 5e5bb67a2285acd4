import { drain } from './drain.ts';
import { enqueue } from './enqueue.ts';
import { latency } from './latency.ts';
import type { Scenario } from './scenario.ts';

/** Every scenario, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [enqueue, drain, latency];
