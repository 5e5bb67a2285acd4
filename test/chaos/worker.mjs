// A worker process under chaos: an engine whose handlers do what their payloads say, and note it outside the store.
// Its clock may be off, in all its threads: see clock-shift.cjs.
import { appendFileSync, fdatasync, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

const { lib, folder, store, kinds, serial, sabotage } = JSON.parse(process.env.CHAOS_WORKER);
const { createEngine } = await import(new URL('engine/create-engine.js', lib).href);

/** How a process ends by the will of a job, and when its engine cannot start although the store is there. */
const EXIT_BY_JOB = 42;
const EXIT_NO_START = 43;

/** Epoch milliseconds of this machine, whatever the clock of this process says. */
const machineTime = () => Math.round(performance.timeOrigin + performance.now());

const judge = openSync(`${folder}/judge-${serial}.jsonl`, 'a');
const sync = promisify(fdatasync);
const line = (event, { id, attempt }, lease, more) =>
  writeSync(judge, `${JSON.stringify({ event, id, attempt, lease, pid: process.pid, at: machineTime(), ...more })}\n`);
const say = (level) => (text) => {
  appendFileSync(`${folder}/worker-${serial}.log`, `${machineTime()} ${level} ${text}\n`);
};

const logger = { debug() {}, log() {}, warn: say('warn'), error: say('error') };

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

/** To show that the judge notices, the store can be made to do wrong: see sabotage.ts. */
async function sabotagedStore() {
  const { createStore } = await import(new URL('engine/store-options.js', lib).href);
  const { systemClock } = await import(new URL('clock/system-clock.js', lib).href);
  const { sabotaged } = await import(new URL('../test/chaos/sabotage.js', lib).href);
  return sabotaged(await createStore(store, systemClock, logger), sabotage);
}

const engine = createEngine({
  store: sabotage.length === 0 ? store : await sabotagedStore(),
  lease: 1_500,
  heartbeat: 300,
  concurrency: 20,
  pollInterval: 200,
  maxPollInterval: 1_000,
  abortGrace: 200,
  shutdownTimeout: 5_000,
  logger,
});
/** The lease of each attempt whose completion is still to be accepted. */
const leases = new Map();
for (const kind of kinds) {
  engine.register(kind, async (payload, job) => {
    const lease = job.workerId;
    leases.set(`${job.id} ${job.attempt}`, lease);
    line('start', job, lease, { n: payload.n });
    await sync(judge);
    try {
      const result = await known[kind](payload, job);
      line('end', job, lease, { how: 'returned' });
      return result;
    } catch (thrown) {
      line('end', job, lease, { how: 'threw' });
      throw thrown;
    } finally {
      await sync(judge);
    }
  });
}
engine.on('jobCompleted', ({ job }) => {
  const key = `${job.id} ${job.attempt}`;
  line('accepted', job, leases.get(key));
  leases.delete(key);
});

process.on('SIGTERM', async () => {
  await engine.stop();
  process.exit(0);
});
process.on('disconnect', () => process.exit(0));

for (;;) {
  try {
    await engine.start();
    break;
  } catch (error) {
    say('error')(`could not start: ${error?.stack}`);
    if (error?.code !== 'STORE_UNAVAILABLE') process.exit(EXIT_NO_START);
    await sleep(50);
  }
}
process.send?.('ready');
