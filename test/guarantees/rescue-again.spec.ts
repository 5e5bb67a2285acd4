import { expect, it } from 'vitest';
import { StoreUnavailableError } from '../../lib/errors.js';
import { deferred } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { reached } from '../support/job-states.js';
import { mortalEngine } from '../support/mortal-engine.js';

describeOnEachStore('recovery looks at the tables again', (given) => {
  it('jobs of a dead worker are found after a rescue that failed', async () => {
    const never = deferred();
    const { engine: doomed, kill } = await mortalEngine(given());
    doomed.register('greet', () => never.promise);
    await doomed.start();
    const { id } = await doomed.enqueue('greet');
    await reached(doomed, id, 'running');
    await kill();

    const faulty = new FaultyStore(await given().open());
    faulty.fail('rescueJobs', new StoreUnavailableError('the database restarts'));
    faulty.fail('rescueJobs', new TypeError('something nobody expected'));
    const other = given().engine({ store: faulty.store, heartbeat: 100, lease: 300 });
    other.register('greet', () => 'done');
    await other.start();
    await reached(other, id, 'completed');
    expect(given().logger.errors.filter((line) => line.includes('could not be freed'))).toHaveLength(2);
    never.resolve();
  });

  it('jobs that were freed by a call whose answer was lost run all the same', async () => {
    const never = deferred();
    const { engine: doomed, kill } = await mortalEngine(given());
    doomed.register('greet', () => never.promise);
    await doomed.start();
    const { id } = await doomed.enqueue('greet');
    await reached(doomed, id, 'running');
    await kill();

    const faulty = new FaultyStore(await given().open());
    faulty.loseAnswer('rescueJobs');
    const other = given().engine({ store: faulty.store });
    other.register('greet', () => 'done');
    await other.start();
    expect((await reached(other, id, 'completed')).retryCount).toBe(1);
    never.resolve();
  });

  it('many nodes rescue at once, and each job is rescued once', async () => {
    const never = deferred();
    const { engine: doomed, kill } = await mortalEngine(given(), { concurrency: 250 });
    doomed.register('greet', () => never.promise);
    await doomed.start();
    const jobs = await doomed.enqueueMany(Array.from({ length: 250 }, () => ({ job: 'greet' })));
    await reached(doomed, jobs.at(-1)!.id, 'running');
    await kill();

    const rescued: string[] = [];
    const nodes = [
      given().engine({ concurrency: 5 }),
      given().engine({ concurrency: 5 }),
      given().engine({ concurrency: 5 }),
    ];
    for (const node of nodes) node.on('jobRescued', ({ job }) => rescued.push(job.id));
    await Promise.all(nodes.map((node) => node.start()));
    await expect.poll(() => rescued.length, { timeout: 10_000 }).toBe(250);
    expect(new Set(rescued).size).toBe(250);
    const { retrying } = await nodes[0]!.jobs.counts();
    expect(retrying).toBe(250);
    expect((await nodes[0]!.jobs.get(jobs[0]!.id))?.retryCount).toBe(1);
    never.resolve();
  });
});
