import { expect, it } from 'vitest';
import { Snooze } from '../../lib/job/control-outcomes.js';
import { deferred } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { FAST_RESCUE, reached } from '../support/job-states.js';
import { mortalEngine } from '../support/mortal-engine.js';
import { until } from '../support/until.js';

describeOnEachStore('a crash costs a retry, and nothing else does', (given) => {
  it('a job whose worker vanished runs again elsewhere, with one retry spent and the reason kept', async () => {
    const { engine: doomed, kill } = await mortalEngine(given());
    const never = deferred();
    doomed.register('greet', () => never.promise);
    await doomed.start();
    const { id } = await doomed.enqueue('greet');
    const { workerId } = await reached(doomed, id, 'running');
    await kill();
    const other = given().engine();
    const rescued: string[] = [];
    other.on('jobRescued', ({ job, workerId: from }) => rescued.push(`${job.id} from ${from}`));
    other.register('greet', () => 'done');
    await other.start();
    const job = await reached(other, id, 'completed');
    expect(job).toMatchObject({ attempt: 2, retryCount: 1, errors: [{ name: 'WorkerLostError', attempt: 1 }] });
    expect(rescued).toEqual([`${id} from ${workerId}`]);
    never.resolve();
  });

  it('a worker whose lease ran out while it was cut off loses its jobs to another', async () => {
    const faulty = new FaultyStore(await given().open());
    const doomed = given().engine({ store: faulty.store, ...FAST_RESCUE });
    const never = deferred();
    doomed.register('greet', () => never.promise);
    await doomed.start();
    const { id } = await doomed.enqueue('greet');
    await reached(doomed, id, 'running');
    faulty.cut(['heartbeat', 'claimJobs', 'settleJobs', 'rescueJobs', 'reportJobs']);

    const other = given().engine({ ...FAST_RESCUE, lease: 400 });
    other.register('greet', () => 'done');
    await other.start();
    const job = await reached(other, id, 'completed');
    expect(job.errors.every(({ name }) => name === 'WorkerLostError')).toBe(true);
    expect(job.retryCount).toBe(job.errors.length);
    expect(job.retryCount).toBeGreaterThanOrEqual(1);
    faulty.mend();
    never.resolve();
  });

  it('a job that kills its worker more often than it may retry ends in the dead-letter queue, and its neighbours finish', async () => {
    const poisonRuns: number[] = [];
    const never = deferred();
    const finished = new Set<string>();
    const producer = given().engine({ worker: false });
    const poison = await producer.enqueue('poison', null, { maxRetries: 2, priority: 10 });
    const neighbours = await producer.enqueueMany(
      Array.from({ length: 6 }, () => ({ job: 'neighbour', maxRetries: 2 })),
    );

    for (let life = 1; life <= 3; life++) {
      const { engine, kill } = await mortalEngine(given(), { concurrency: 4 });
      const killed = deferred();
      engine.register('poison', async (_, { attempt }) => {
        poisonRuns.push(attempt);
        await kill();
        killed.resolve();
        await never.promise;
      });
      // In the first life those beside the poison die with it.
      engine.register('neighbour', (_, { id }) => (life === 1 ? never.promise : void finished.add(id)));
      await engine.start();
      await killed.promise;
    }
    const last = given().engine();
    last.register('poison', () => void poisonRuns.push(Number.NaN));
    last.register('neighbour', (_, { id }) => void finished.add(id));
    await last.start();

    const failed = await reached(producer, poison.id, 'failed');
    expect(poisonRuns).toEqual([1, 2, 3]);
    expect(failed).toMatchObject({ attempt: 3, retryCount: 3 });
    expect(failed.errors.map(({ name }) => name)).toEqual(['WorkerLostError', 'WorkerLostError', 'WorkerLostError']);
    const { entries } = await producer.dlq.list();
    expect(entries.map(({ jobId }) => jobId)).toEqual([poison.id]);
    for (const { id } of neighbours) await reached(producer, id, 'completed');
    expect(finished.size).toBe(neighbours.length);
    never.resolve();
  });

  it('jobs that lost their worker run one at a time, beside jobs that did not', async () => {
    const { engine: doomed, kill } = await mortalEngine(given(), { concurrency: 3 });
    const never = deferred();
    doomed.register('suspect', () => never.promise);
    await doomed.start();
    const suspects = await doomed.enqueueMany([{ job: 'suspect' }, { job: 'suspect' }, { job: 'suspect' }]);
    await reached(doomed, suspects[2]!.id, 'running');
    await kill();

    const other = given().engine({ concurrency: 10, pollInterval: 10, maxPollInterval: 10 });
    const gates = suspects.map(() => deferred());
    let [under, most, begun] = [0, 0, 0];
    other.register('suspect', async () => {
      under += 1;
      most = Math.max(most, under);
      await gates[begun++]!.promise;
      under -= 1;
    });
    other.register('innocent', () => 'done');
    await other.start();
    for (const [index, gate] of gates.entries()) {
      await until('the next suspect runs', () => begun === index + 1);
      const { id } = await other.enqueue('innocent');
      await reached(other, id, 'completed');
      expect(begun).toBe(index + 1);
      gate.resolve();
    }
    for (const { id } of suspects) await reached(other, id, 'completed');
    expect(most).toBe(1);
    never.resolve();
  });

  it('a shutdown hands the job back without a retry, and it runs again elsewhere', async () => {
    const leaving = given().engine({ shutdownTimeout: 0 });
    const never = deferred();
    leaving.register('greet', () => never.promise);
    await leaving.start();
    const { id } = await leaving.enqueue('greet');
    await reached(leaving, id, 'running');
    await leaving.stop();

    const other = given().engine();
    other.register('greet', () => 'done');
    await other.start();
    expect(await reached(other, id, 'completed')).toMatchObject({ attempt: 2, retryCount: 0, errors: [] });
    never.resolve();
  });

  it('a snooze costs no retry', async () => {
    const engine = given().engine();
    engine.register('greet', (_, { attempt }) => {
      if (attempt < 4) throw new Snooze(1);
      return 'done';
    });
    await engine.start();
    const { id } = await engine.enqueue('greet', null, { maxRetries: 1 });
    expect(await reached(engine, id, 'completed')).toMatchObject({ attempt: 4, retryCount: 0, errors: [] });
  });

  it('a job that was claimed but not started when the process stopped is handed back unspent', async () => {
    const faulty = new FaultyStore(await given().open());
    const leaving = given().engine({ store: faulty.store });
    let runs = 0;
    leaving.register('greet', () => void (runs += 1));
    const late = deferred();
    const claimed = deferred();
    faulty.answer('claimJobs', async (proceed) => {
      const answer = await proceed();
      claimed.resolve();
      await late.promise;
      return answer;
    });
    const { id } = await leaving.enqueue('greet');
    await leaving.start();
    await claimed.promise;
    const stopped = leaving.stop();
    await until('it is stopping', async () => (await leaving.health()).state === 'draining');
    late.resolve();
    await stopped;
    expect(runs).toBe(0);

    const other = given().engine();
    other.register('greet', () => 'done');
    await other.start();
    expect(await reached(other, id, 'completed')).toMatchObject({ attempt: 2, retryCount: 0, errors: [] });
  });
});
