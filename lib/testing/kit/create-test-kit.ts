import { createEngine } from '../../engine/create-engine.js';
import type { EngineOptions } from '../../engine/options.js';
import type { DispatchLogger } from '../../observability/logger.js';
import { TestClock } from '../test-clock.js';
import { TestKit } from './test-kit.js';

/** Failing jobs are what many tests are about: only errors of the engine itself would be news. */
export const silentLogger: DispatchLogger = {
  debug: () => undefined,
  log: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * Makes an engine in memory with a clock of its own, and the kit that runs its jobs.
 *
 * @param options of the engine, where a test wants others; `logger` is silent unless given
 */
export function createTestKit(
  options: Partial<Omit<EngineOptions, 'clock'>> & { readonly clock?: TestClock } = {},
): TestKit {
  const { clock = new TestClock(), ...others } = options;
  return new TestKit(createEngine({ store: { type: 'memory' }, logger: silentLogger, ...others, clock }), clock);
}
