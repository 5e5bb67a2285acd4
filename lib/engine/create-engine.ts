import { Engine } from './engine.js';
import type { EngineOptions } from './options.js';

/**
 * Makes an engine without Nest (the seed's `engine.Build`).
 *
 *     const engine = createEngine({ store: { type: 'sqlite', database: 'dispatch.db' } });
 *     engine.register('send-email', async (payload) => { ... });
 *     await engine.start();
 *
 * @throws NoStoreError, InvalidOptionsError naming the option, the value received and what to do
 */
export function createEngine(options: EngineOptions): Engine {
  return new Engine(options);
}
