// Starts a run of a workflow that uses every construct, works on it and stops when it has ended, unless a failpoint ends the
// process before. What its steps did goes to a file.
import { appendFileSync } from 'node:fs';

const { lib, store: options, name, failpoints, log } = JSON.parse(process.env.WORKER);
const { createEngine, createPostgresStore, createSqliteStore } = await import(lib);
const { Failpoints, withFailpoints } = await import(new URL('../testing/index.js', lib).href);

const note = (key) => appendFileSync(log, `${JSON.stringify({ name, key })}\n`);
const inner = options.type === 'postgres' ? createPostgresStore(options) : createSqliteStore(options);
const store = withFailpoints(inner, Failpoints.fromText(failpoints));
const engine = createEngine({
  store,
  heartbeat: 50,
  lease: 1_000,
  pollInterval: 20,
  maxPollInterval: 20,
  parkGrace: 0,
  backoff: { type: 'constant', initial: 0 },
  logger: { debug() {}, log() {}, warn() {}, error() {} },
});
const effect = (value) => (step) => {
  note(step.idempotencyKey);
  return value;
};
engine.registerWorkflow(`part of ${name}`, async (n, wf) => wf.step('square', effect(n * n)));
engine.registerWorkflow(name, async (_, wf) => {
  const total = await wf.step('total', effect(5));
  const held = await wf.stepWithCompensation('hold', effect('held'), () => note('undone'));
  const parts = await wf.fanOutChildren({ name: `part of ${name}` }, [1, 2]);
  const event = await wf.waitForEvent('go', { key: name });
  await wf.sleep(5);
  const pair = await Promise.all([wf.step('a', effect('a')), wf.step('b', effect('b'))]);
  const uuids = [wf.uuid(), wf.uuid()];
  const same = await wf.step('check', () => uuids);
  return { total, held, parts, event: event.payload, pair, same: uuids.join() === same.join() };
});
await engine.start();
const { id } = await engine.startWorkflow(name, null, { idempotencyKey: name });
await engine.publishEvent('go', 7, { key: name });
await engine.runResult(id);
await engine.stop();
await inner.close();
process.exit(0);
