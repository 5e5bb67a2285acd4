import { expect, it } from 'vitest';
import type { Engine } from '../../lib/engine/engine.js';
import type { JobId } from '../../lib/id/ids.js';
import { defineJob } from '../../lib/job/job-definition.js';
import type { Store } from '../../lib/store/store.js';
import { type FailpointMethod, type FailpointName, Failpoints } from '../../lib/testing/failpoints/failpoints.js';
import { withFailpoints } from '../../lib/testing/failpoints/with-failpoints.js';
import { registerWorker, startJob } from '../../lib/testing/store-contract/fixtures.js';
import { type StoreUnderTest, describeOnEachStore } from '../support/each-store.js';
import { AT_ONCE, FAST_POLLING } from '../support/job-states.js';
import { until } from '../support/until.js';

/** Every call that lies on the way of a job from its enqueue to its end. */
const JOB_PATH: readonly FailpointMethod[] = [
  'insertJobs',
  'registerWorker',
  'claimJobs',
  'settleJobs',
  'reportJobs',
  'heartbeat',
  'rescueJobs',
  'listHeldJobs',
  'drainWorker',
  'deregisterWorker',
];

describeOnEachStore('every job ends exactly once', (given) => {
  describeMethods((method) => {
    it(`when the store fails before ${method}`, () => endures(given(), method, fails(`before:${method}`)));
    it(`when the answer to ${method} is lost`, () => endures(given(), method, fails(`after:${method}`)));
    it(`when ${method} hangs on its way and back`, () => endures(given(), method, hangs(method)));
  });
});

function describeMethods(tests: (method: FailpointMethod) => void): void {
  for (const method of JOB_PATH) tests(method);
}

/** What goes wrong: something that is set before, and something that is done until it is over. */
interface Trouble {
  set(failpoints: Failpoints): void;
  over(failpoints: Failpoints): Promise<void>;
}

function fails(name: FailpointName): Trouble {
  return {
    set: (failpoints) => failpoints.set(name, 'throw'),
    over: (failpoints) => failpoints.reached(name),
  };
}

function hangs(method: FailpointMethod): Trouble {
  const names = [`before:${method}`, `after:${method}`] as const;
  return {
    set: (failpoints) => names.forEach((name) => failpoints.set(name, 'hang')),
    async over(failpoints) {
      for (const name of names) {
        await failpoints.reached(name);
        failpoints.clear(name);
      }
    },
  };
}

/** Runs four jobs with different ends, one of them left behind by a worker that died, through an engine with the trouble. */
async function endures(given: StoreUnderTest, method: FailpointMethod, trouble: Trouble): Promise<void> {
  const store = await given.open();
  const failpoints = new Failpoints();
  const engine = given.engine({
    store: withFailpoints(store, failpoints),
    ...FAST_POLLING,
    heartbeat: 20,
    lease: 1_000,
    backoff: AT_ONCE,
    shutdownTimeout: 1_000,
  });
  const ends = listen(engine);
  const orphan = await leaveBehind(store);
  trouble.set(failpoints);
  // What a claim left behind is only asked for when its answer was lost.
  if (method === 'listHeldJobs') failpoints.set('after:claimJobs', 'throw');

  const over = trouble.over(failpoints);
  // Whoever starts an engine is told that it could not register, and tries again.
  await engine.start().catch((error: unknown) => {
    if (method !== 'registerWorker') throw error;
    return engine.start();
  });
  const enqueued = await Promise.all(['good', 'flaky', 'hopeless'].map((job) => engine.enqueue(job)));
  const [good, flaky, hopeless] = enqueued.map(({ id }) => id);
  await until('all have ended', async () => {
    const jobs = await Promise.all([good, flaky, hopeless, orphan].map((id) => store.getJob(id as JobId)));
    return jobs.every((job) => job?.completedAt != null);
  });
  await Promise.all([engine.stop(), over]);

  expect(await standing(store, good)).toEqual({ state: 'completed', retryCount: 0, workerId: null });
  expect(await standing(store, flaky)).toEqual({ state: 'completed', retryCount: 1, workerId: null });
  expect(await standing(store, hopeless)).toEqual({ state: 'failed', retryCount: 2, workerId: null });
  expect(await standing(store, orphan)).toEqual({ state: 'completed', retryCount: 1, workerId: null });
  expect((await store.listDlq()).entries.map(({ jobId }) => jobId)).toEqual([hopeless]);
  // One that was accepted twice would be told twice.
  expect(new Set(ends).size).toBe(ends.length);
}

async function standing(store: Store, id: string | undefined): Promise<object> {
  const { state, retryCount, workerId } = (await store.getJob(id as JobId))!;
  return { state, retryCount, workerId };
}

/** A job whose worker is gone. */
async function leaveBehind(store: Store): Promise<JobId> {
  const worker = await registerWorker(store);
  const { id } = await startJob(store, { name: 'good', payload: null }, worker);
  await store.deregisterWorker(worker);
  return id;
}

/** Registers the handlers. @returns the jobs that listeners were told had ended, in order */
function listen(engine: Engine): readonly string[] {
  const ends: string[] = [];
  engine.register('good', async (_payload, job) => {
    job.progress({ half: true });
    job.log('half way');
    // Long enough for a heartbeat and a report.
    await new Promise((resolve) => setTimeout(resolve, 40));
  });
  let fails = true;
  engine.register(defineJob('flaky', { maxRetries: 1 }), () => {
    if (fails) {
      fails = false;
      throw new Error('the first time it fails');
    }
  });
  engine.register(defineJob('hopeless', { maxRetries: 1 }), () => {
    throw new Error('it always fails');
  });
  engine.on('jobCompleted', ({ job }) => ends.push(job.id));
  engine.on('jobFailed', ({ job }) => ends.push(job.id));
  return ends;
}
