import { createEngine } from '../../lib/engine/create-engine.js';
import type { Engine } from '../../lib/engine/engine.js';
import type { EngineOptions } from '../../lib/engine/options.js';
import { createMemoryStore } from '../../lib/store/memory/memory-store.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import type { Run } from '../../lib/workflow/run.js';
import type { RunState } from '../../lib/workflow/run-state.js';
import { NO_POLLING } from './job-states.js';
import { RecordingLogger } from './recording-logger.js';
import { until } from './until.js';

/** Options of engines whose runs are parked at once, so that every wait is a replay. */
export const PARKS_AT_ONCE = { parkGrace: 0 } as const;

/** Waits until a run is in a state, and returns it. */
export async function reachedRun(engine: Engine, id: string, state: RunState): Promise<Run> {
  let last: Run | null = null;
  try {
    return await until(`run ${id} is ${state}`, async () => {
      last = await engine.runs.get(id);
      return last?.state === state ? last : null;
    });
  } catch (cause) {
    const run = last as Run | null;
    const found = run ? `${run.state}, attempt ${run.attempt}, error ${JSON.stringify(run.error)}` : 'not there';
    throw new Error(`${(cause as Error).message} (it is ${found})`, { cause });
  }
}

/** The names of what a run has recorded in its generation, in order. */
export async function recorded(engine: Engine, id: string): Promise<readonly string[]> {
  const entries = await engine.runs.timeline(id);
  const generation = Math.max(...entries.map((entry) => entry.generation));
  return entries.filter((entry) => entry.generation === generation).map(({ key }) => key);
}

/** An engine on memory whose time is a test's. Stop it in the end. */
export async function clockedEngine(
  options: Partial<EngineOptions> = {},
): Promise<{ readonly engine: Engine; readonly clock: TestClock; readonly logger: RecordingLogger }> {
  const clock = new TestClock();
  const logger = new RecordingLogger();
  const store = createMemoryStore({ clock });
  const engine = createEngine({ store, clock, logger, ...NO_POLLING, lease: '8w', heartbeat: '1w', ...options });
  await engine.start();
  return { engine, clock, logger };
}
