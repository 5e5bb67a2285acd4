import { expect, it } from 'vitest';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { until } from '../support/until.js';

describeOnEachStore('a claim whose answer is lost', (given) => {
  it('leaves no job behind: what it leased is handed back, at no cost, and runs', async () => {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({
      store: faulty.store,
      heartbeat: 100,
      lease: 400,
      pollInterval: 50,
      maxPollInterval: 50,
    });
    const attempts: number[] = [];
    engine.register('work', (_payload, { attempt }) => void attempts.push(attempt));
    const job = await engine.enqueue('work');
    faulty.loseAnswer('claimJobs');
    await engine.start();
    await until('the job is done', async () => (await engine.jobs.get(job.id))?.state === 'completed');
    expect(attempts).toEqual([2]);
    expect((await engine.jobs.get(job.id))!.retryCount).toBe(0);
  });

  it('costs the jobs that the worker runs nothing', async () => {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({
      store: faulty.store,
      heartbeat: 100,
      lease: 400,
      pollInterval: 50,
      maxPollInterval: 50,
    });
    let finish = (): void => undefined;
    engine.register('long', () => new Promise<void>((resolve) => (finish = resolve)));
    engine.register('short', () => undefined);
    await engine.start();
    const long = await engine.enqueue('long');
    await until('it runs', async () => (await engine.jobs.get(long.id))?.state === 'running');
    faulty.loseAnswer('claimJobs');
    const short = await engine.enqueue('short');
    await until('the other is done', async () => (await engine.jobs.get(short.id))?.state === 'completed');
    finish();
    await until('it is done', async () => (await engine.jobs.get(long.id))?.state === 'completed');
    expect(await engine.jobs.get(long.id)).toMatchObject({ attempt: 1, retryCount: 0 });
  });
});
