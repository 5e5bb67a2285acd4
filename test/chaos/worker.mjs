// A worker process under chaos: an engine whose handlers do what their payloads say, and note it outside the store.
import { appendFileSync, fdatasync, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

const { lib, folder, store, kinds, offsetMs } = JSON.parse(process.env.CHAOS_WORKER);
const { createEngine } = await import(new URL('engine/create-engine.js', lib).href);
const { systemClock } = await import(new URL('clock/system-clock.js', lib).href);

/** How a process ends by the will of a job, and when its engine cannot start. */
const EXIT_BY_JOB = 42;
const EXIT_NO_START = 43;

const judge = openSync(`${folder}/judge-${process.pid}.jsonl`, 'a');
const sync = promisify(fdatasync);
const line = (event, id, attempt, more) =>
  writeSync(judge, `${JSON.stringify({ event, id, attempt, pid: process.pid, at: Date.now(), ...more })}\n`);
const say = (level) => (text) => {
  appendFileSync(`${folder}/worker-${process.pid}.log`, `${new Date().toISOString()} ${level} ${text}\n`);
};

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Stands still without using the processor, which the other processes need. */
const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

const NOT_ERRORS = ['a text', undefined, { code: 7, nested: { deep: true } }, null];
const cycle = {};
cycle.self = cycle;
const UNSERIALISABLE = [10n, cycle, () => 1, { toJSON: () => 10n }];

const bad = ({ bad: times }, { attempt }) => attempt <= times;
const known = {
  quick: ({ n }) => ({ n }),
  sleep: ({ ms }) => sleep(ms),
  block: ({ ms }) => void block(ms),
  'block-long': ({ ms }, job) => void (job.attempt <= 2 && block(ms)),
  throw: (payload, job) => {
    if (bad(payload, job)) throw new Error(`attempt ${job.attempt} fails`);
  },
  'throw-other': (payload, job) => {
    if (bad(payload, job)) throw NOT_ERRORS[payload.variant];
  },
  unserialisable: ({ variant }) => UNSERIALISABLE[variant],
  stubborn: (payload, job) => (bad(payload, job) ? sleep(payload.ms) : undefined),
  exit: (payload, job) => {
    if (bad(payload, job)) process.exit(EXIT_BY_JOB);
  },
};

const engine = createEngine({
  store,
  lease: 1_500,
  heartbeat: 300,
  concurrency: 20,
  pollInterval: 200,
  maxPollInterval: 1_000,
  abortGrace: 200,
  shutdownTimeout: 5_000,
  clock: { ...systemClock, now: () => Date.now() + offsetMs },
  logger: { debug() {}, log() {}, warn: say('warn'), error: say('error') },
});
for (const kind of kinds) {
  engine.register(kind, async (payload, job) => {
    line('start', job.id, job.attempt, { n: payload.n });
    await sync(judge);
    try {
      const result = await known[kind](payload, job);
      line('end', job.id, job.attempt, { how: 'returned' });
      return result;
    } catch (thrown) {
      line('end', job.id, job.attempt, { how: 'threw' });
      throw thrown;
    } finally {
      await sync(judge);
    }
  });
}
engine.on('jobCompleted', ({ job }) => line('accepted', job.id, job.attempt));

process.on('SIGTERM', async () => {
  await engine.stop();
  process.exit(0);
});
process.on('disconnect', () => process.exit(0));

try {
  await engine.start();
} catch (error) {
  say('error')(`could not start: ${error?.stack}`);
  process.exit(EXIT_NO_START);
}
process.send?.('ready');
