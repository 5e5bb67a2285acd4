// A worker process of the tests: an engine whose handlers report by message and wait for one.
import { appendFileSync } from 'node:fs';

const { lib, store, options, handlers, log } = JSON.parse(process.env.WORKER);
const { createEngine } = await import(lib);

const waiting = new Map();
const tell = (message) => process.send?.(message);
const note = (event, job) =>
  appendFileSync(log, `${JSON.stringify({ event, id: job.id, attempt: job.attempt, pid: process.pid })}\n`);

const known = {
  /** Ends at once. */
  quick: (payload) => ({ by: process.pid, payload }),
  /** Ends when the test says so, with what it says. */
  hold: (_payload, job) =>
    new Promise((resolve) => {
      waiting.set(job.id, resolve);
      job.signal.addEventListener('abort', () => tell({ kind: 'aborted', id: job.id, reason: job.signal.reason.name }));
      tell({ kind: 'holding', id: job.id, attempt: job.attempt });
    }),
  /** Computes for as long as it is told, and lets nothing else run. */
  block: ({ ms }, job) => {
    tell({ kind: 'holding', id: job.id, attempt: job.attempt });
    const end = performance.now() + ms;
    while (performance.now() < end);
    return process.pid;
  },
  /** Takes its process with it. */
  poison: () => process.kill(process.pid, 'SIGKILL'),
};

const engine = createEngine({
  store,
  logger: {
    debug() {},
    log() {},
    warn: (text) => tell({ kind: 'warn', text }),
    error: (text) => tell({ kind: 'warn', text }),
  },
  ...options,
});
for (const name of handlers) {
  engine.register(name, async (payload, job) => {
    note('start', job);
    const result = await known[name](payload, job);
    note('end', job);
    return result;
  });
}
engine.on('jobLost', ({ jobId }) => tell({ kind: 'lost', id: jobId }));

process.on('message', async (message) => {
  if (message.kind === 'finish') waiting.get(message.id)?.(message.result);
  if (message.kind === 'stop') {
    await engine.stop();
    process.exit(0);
  }
});
process.on('SIGTERM', async () => {
  await engine.stop();
  process.exit(0);
});

await engine.start();
tell({ kind: 'ready' });
