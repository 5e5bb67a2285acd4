// A worker with nothing that keeps its process alive but its engine: no server, no channel to its parent.
import { appendFileSync } from 'node:fs';

const { lib, store, log } = JSON.parse(process.env.WORKER);
const { createEngine } = await import(lib);

const engine = createEngine({ store, pollInterval: 50 });
engine.register('later', (_payload, job) => {
  appendFileSync(log, `${job.id}\n`);
  // Now there is nothing left to do, and the process has to end by itself.
  void engine.stop();
});
await engine.enqueue('later', null, { delay: 1500 });
await engine.start();
