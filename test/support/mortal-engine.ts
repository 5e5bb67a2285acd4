import type { Engine } from '../../lib/engine/engine.js';
import type { EngineOptions } from '../../lib/engine/options.js';
import type { Settlement } from '../../lib/job/outcome.js';
import type { StoreUnderTest } from './each-store.js';
import { FaultyStore } from './faulty-store.js';

/** An engine that can die as a process does: without a word. */
export interface MortalEngine {
  readonly engine: Engine;
  /** Nothing of it reaches the store any more, and its worker row is gone, as after its lease. Its handlers hang on. */
  kill(): Promise<void>;
}

/** Makes an engine on the data given; it never notices by itself that it died. */
export async function mortalEngine(given: StoreUnderTest, options: Partial<EngineOptions> = {}): Promise<MortalEngine> {
  const inner = await given.open();
  const faulty = new FaultyStore(inner);
  const engine = given.engine({ heartbeat: '10m', lease: '1h', ...options, store: faulty.store });
  return {
    engine,
    async kill() {
      const { worker } = await engine.health();
      faulty.mend();
      faulty.cut(['insertJobs', 'claimJobs', 'reportJobs', 'rescueJobs', 'heartbeat', 'registerWorker', 'drainWorker']);
      // What it writes in the end is dropped, so that it can be stopped without waiting for a store.
      faulty.answer(
        'settleJobs',
        async (_, [, settlements]) => ({ lost: (settlements as Settlement[]).map(({ id }) => id), cancelled: [] }),
        Number.POSITIVE_INFINITY,
      );
      if (worker) await inner.deregisterWorker(worker.id);
    },
  };
}
