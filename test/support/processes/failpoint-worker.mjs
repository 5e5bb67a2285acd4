// A worker that enqueues jobs, works on them and stops when they have ended, unless a failpoint ends it before. What it
// was told of its enqueues, and what its handlers did, goes to a file.
import { appendFileSync } from 'node:fs';

const { lib, store: options, queue, failpoints, log } = JSON.parse(process.env.WORKER);
const { createEngine, createPostgresStore, createSqliteStore } = await import(lib);
const { Failpoints, withFailpoints } = await import(new URL('../testing/index.js', lib).href);

const note = (event, id) => appendFileSync(log, `${JSON.stringify({ event, id, queue })}\n`);
const inner = options.type === 'postgres' ? createPostgresStore(options) : createSqliteStore(options);
const store = withFailpoints(inner, Failpoints.fromText(failpoints));
const engine = createEngine({
  store,
  queues: [queue],
  heartbeat: 50,
  lease: 1_000,
  pollInterval: 20,
  maxPollInterval: 20,
  logger: { debug() {}, log() {}, warn() {}, error() {} },
});
const left = new Set();
engine.register('work', async (_payload, job) => {
  note('start', job.id);
  job.log('under way');
  // Long enough for a heartbeat and a report.
  await new Promise((resolve) => setTimeout(resolve, 120));
});
const over = new Promise((resolve) => {
  engine.on('jobCompleted', ({ job }) => {
    left.delete(job.id);
    if (left.size === 0) resolve();
  });
});
for (let n = 0; n < 3; n++) {
  const { id } = await engine.enqueue('work', null, { queue });
  left.add(id);
  note('enqueued', id);
}
await engine.start();
await over;
await engine.stop();
await inner.close();
process.exit(0);
