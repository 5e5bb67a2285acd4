import { expect, it } from 'vitest';
import type { Engine } from '../../lib/engine/engine.js';
import type { WorkflowContext } from '../../lib/workflow/workflow-context.js';
import { deferred } from '../support/deferred.js';
import { describeOnEachStore } from '../support/each-store.js';
import { AT_ONCE, NO_POLLING } from '../support/job-states.js';
import { reachedRun, recorded } from '../support/workflow-engine.js';

/** A journey of which every part can be undone. @returns what was done, in order */
function bookings(engine: Engine, end: (wf: WorkflowContext) => Promise<unknown>): string[] {
  const log: string[] = [];
  engine.registerWorkflow('journey', async (_, wf) => {
    for (const part of ['hotel', 'flight']) {
      await wf.stepWithCompensation(
        part,
        () => {
          log.push(part);
          return `${part}-1`;
        },
        (result) => log.push(`undo ${result}`),
      );
    }
    return end(wf);
  });
  return log;
}

const fails = (wf: WorkflowContext) => wf.step('car', () => Promise.reject(new Error('no cars')), { retries: 0 });

describeOnEachStore('undoing', (given) => {
  it('what was done is undone when the run fails, the last first', async () => {
    const engine = given().engine();
    const log = bookings(engine, fails);
    await engine.start();
    const { id } = await engine.startWorkflow('journey');
    await expect(engine.runResult(id)).rejects.toThrow('no cars');
    expect(log).toEqual(['hotel', 'flight', 'undo flight-1', 'undo hotel-1']);
    expect(await recorded(engine, id)).toEqual([
      'step:hotel',
      'step:flight',
      'step:car',
      'undo:step:flight',
      'undo:step:hotel',
    ]);
    expect(await engine.runs.get(id)).toMatchObject({ state: 'failed', error: { message: 'no cars' } });
  });

  it('after the point of no return nothing is', async () => {
    const engine = given().engine();
    const log = bookings(engine, async (wf) => {
      await wf.commit();
      return fails(wf);
    });
    await engine.start();
    const { id } = await engine.startWorkflow('journey');
    await expect(engine.runResult(id)).rejects.toThrow('no cars');
    expect(log).toEqual(['hotel', 'flight']);
  });

  it('a method may undo by itself and go on', async () => {
    const engine = given().engine();
    const log = bookings(engine, async (wf) => {
      await wf.runCompensations();
      await wf.sleep(1);
      return wf.step('instead', () => 'train');
    });
    await engine.start();
    const { id } = await engine.startWorkflow('journey');
    expect(await engine.runResult(id)).toBe('train');
    expect(log).toEqual(['hotel', 'flight', 'undo flight-1', 'undo hotel-1']);
  });

  it('an undo that fails is tried again; when it has failed for good it can be retried by hand', async () => {
    const engine = given().engine({ backoff: AT_ONCE, parkGrace: 0 });
    let broken = true;
    const tries: number[] = [];
    engine.registerWorkflow('journey', async (_, wf) => {
      await wf.stepWithCompensation(
        'hotel',
        () => 'h',
        (_result, { attempt }) => {
          tries.push(attempt);
          if (broken) throw new Error('desk closed');
        },
        { retries: 1 },
      );
      throw new Error('changed my mind');
    });
    await engine.start();
    const { id } = await engine.startWorkflow('journey');
    const failed = await reachedRun(engine, id, 'failed');
    expect(failed.error).toMatchObject({ message: 'changed my mind' });
    expect(await engine.runs.inspectStep(id, 'undo:step:hotel')).toMatchObject({ status: 'failed', tries: 4 });
    broken = false;
    await engine.runs.retry(id);
    await reachedRun(engine, id, 'failed');
    expect(await engine.runs.inspectStep(id, 'undo:step:hotel')).toMatchObject({ status: 'completed' });
    expect(tries).toEqual([1, 2, 3, 4, 1]);
  });

  it('a cancel undoes what a parked run has done, unless it is not to', async () => {
    for (const compensate of [true, false]) {
      const engine = given().engine({ ...NO_POLLING, parkGrace: 0 });
      const log = bookings(engine, (wf) => wf.waitForEvent('never'));
      await engine.start();
      const { id } = await engine.startWorkflow('journey');
      await reachedRun(engine, id, 'waiting');
      await engine.runs.cancel(id, { compensate });
      await reachedRun(engine, id, 'cancelled');
      expect(log).toEqual(compensate ? ['hotel', 'flight', 'undo flight-1', 'undo hotel-1'] : ['hotel', 'flight']);
      await engine.stop();
    }
  });

  it('a cancel stops the step that runs by its signal, and undoes what was done', async () => {
    const engine = given().engine({ ...NO_POLLING });
    const running = deferred();
    const log = bookings(engine, (wf) =>
      wf.step('long', ({ signal }) => {
        running.resolve();
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
      }),
    );
    await engine.start();
    const { id } = await engine.startWorkflow('journey');
    await running.promise;
    await engine.runs.cancel(id);
    expect(await reachedRun(engine, id, 'cancelled')).toMatchObject({ error: { code: 'RUN_CANCELLED' } });
    expect(log).toEqual(['hotel', 'flight', 'undo flight-1', 'undo hotel-1']);
    await expect(engine.runResult(id)).rejects.toMatchObject({ state: 'cancelled' });
  });

  it('a failed run that is retried does again what failed, and what was undone', async () => {
    const engine = given().engine();
    const log: string[] = [];
    let broken = true;
    engine.registerWorkflow('journey', async (_, wf) => {
      await wf.step('validate', () => log.push('validate'));
      await wf.stepWithCompensation(
        'hotel',
        () => log.push('hotel'),
        () => log.push('undo hotel'),
      );
      await wf.step(
        'car',
        () => {
          if (broken) throw new Error('no cars');
          return log.push('car');
        },
        { retries: 0 },
      );
    });
    await engine.start();
    const { id } = await engine.startWorkflow('journey');
    await reachedRun(engine, id, 'failed');
    broken = false;
    await engine.runs.retry(id);
    await reachedRun(engine, id, 'completed');
    expect(log).toEqual(['validate', 'hotel', 'undo hotel', 'hotel', 'car']);
  });
});
