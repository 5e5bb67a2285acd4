// Enqueues jobs and works on them without a pause, until it is killed. What was acknowledged goes to a file.
import { appendFileSync } from 'node:fs';

const { lib, store, log } = JSON.parse(process.env.WORKER);
const { createEngine } = await import(lib);

const engine = createEngine({
  store,
  heartbeat: 100,
  lease: 500,
  pollInterval: 20,
  maxPollInterval: 20,
  logger: { debug() {}, log() {}, warn() {}, error() {} },
});
engine.register('work', () => undefined);
await engine.start();
process.send?.({ kind: 'ready' });
for (;;) {
  const jobs = await engine.enqueueMany(Array.from({ length: 5 }, () => ({ job: 'work', maxRetries: 50 })));
  appendFileSync(log, jobs.map(({ id }) => `${id}\n`).join(''));
}
