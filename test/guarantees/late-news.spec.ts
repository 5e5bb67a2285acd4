import { expect, it } from 'vitest';
import { Snooze } from '../../lib/job/control-outcomes.js';
import { scope } from '../../lib/scope/scope.js';
import { describeOnEachStore } from '../support/each-store.js';
import { FaultyStore } from '../support/faulty-store.js';
import { until } from '../support/until.js';

describeOnEachStore('news that comes late', (given) => {
  it('about an earlier attempt does not stop the next one of the same job', async () => {
    const faulty = new FaultyStore(await given().open());
    const engine = given().engine({ store: faulty.store, heartbeat: 50, lease: 60_000 });
    let finish = (): void => undefined;
    let reached = (): void => undefined;
    const second = new Promise<void>((resolve) => (reached = resolve));
    let snooze = (): void => undefined;
    engine.register('twice', async (_payload, { attempt, signal }) => {
      if (attempt === 1) {
        await new Promise<void>((resolve) => (snooze = resolve));
        throw new Snooze(0);
      }
      reached();
      await new Promise<void>((resolve) => (finish = resolve));
      return signal.aborted;
    });
    await engine.start();
    const job = await engine.enqueue('twice');
    await until('the first attempt runs', async () => (await engine.jobs.get(job.id))?.state === 'running');
    const heartbeat = faulty.hold('heartbeat');
    await heartbeat.reached;
    snooze();
    await second;
    const beats = faulty.calls('heartbeat').length;
    heartbeat.release();
    await until('the next heartbeat is made', () => faulty.calls('heartbeat').length > beats + 1);
    finish();
    await until('it is done', async () => (await engine.jobs.get(job.id))?.state === 'completed');
    expect(await engine.jobs.get(job.id)).toMatchObject({ result: false, attempt: 2, retryCount: 0 });
  });

  it('is told to listeners outside the context of whoever caused it', async () => {
    const engine = given().engine({ settleWindow: 20 });
    const scopes: unknown[] = [];
    engine.on('jobCancelled', () => void scopes.push(scope.capture()));
    engine.on('jobEnqueued', () => void scopes.push(scope.capture()));
    await scope.run({ appId: 'shop', orgId: 'acme' }, async () => {
      const { id } = await engine.enqueue('later', null, { delay: '1h' });
      await engine.jobs.cancel(id);
    });
    await until('both are told', () => scopes.length === 2);
    expect(scopes).toEqual([undefined, undefined]);
  });
});
