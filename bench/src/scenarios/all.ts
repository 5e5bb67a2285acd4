import { backlog } from './backlog.ts';
import { bloat } from './bloat.ts';
import { drain } from './drain.ts';
import { enqueue } from './enqueue.ts';
import { idle } from './idle.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { nest } from './nest.ts';
import type { Scenario } from './scenario.ts';
import { sustained } from './sustained.ts';

/** Every scenario, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [enqueue, drain, latency, sustained, backlog, bloat, memory, idle, nest];
