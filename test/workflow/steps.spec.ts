import { describe, expect, it } from 'vitest';
import { defineWorkflow } from '../../lib/workflow/workflow-definition.js';
import { RunFailedError } from '../../lib/workflow/workflow-errors.js';
import { NonRetryableError } from '../../lib/job/control-outcomes.js';
import { describeOnEachStore } from '../support/each-store.js';
import { AT_ONCE, NO_POLLING } from '../support/job-states.js';
import { until } from '../support/until.js';
import { clockedEngine, reachedRun, recorded } from '../support/workflow-engine.js';

const order = defineWorkflow<{ amount: number }, { total: number; receipt: string }>('order');

describeOnEachStore('steps of a workflow', (given) => {
  it('run once each, and the method returns the output', async () => {
    const engine = given().engine({ ...NO_POLLING });
    const effects: unknown[] = [];
    engine.registerWorkflow(order, async ({ amount }, wf) => {
      const total = await wf.step('total', () => {
        effects.push('total');
        return amount * 2;
      });
      const receipt = await wf.step('charge', ({ idempotencyKey, attempt }) => {
        effects.push(['charge', idempotencyKey, attempt]);
        return 'r-1';
      });
      return { total, receipt };
    });
    await engine.start();
    const run = await engine.startWorkflow(order, { amount: 5 });
    expect(run).toMatchObject({ state: 'pending', started: 'new', input: { amount: 5 }, version: 1 });
    expect(await engine.runResult(run.id)).toEqual({ total: 10, receipt: 'r-1' });
    expect(effects).toEqual(['total', ['charge', `${run.id}:step:charge`, 1]]);
    expect(await reachedRun(engine, run.id, 'completed')).toMatchObject({
      output: { total: 10, receipt: 'r-1' },
      attempt: 1,
      workerId: undefined,
    });
    expect(
      (await engine.runs.timeline(run.id)).map(({ kind, name, value, tries }) => [kind, name, value, tries]),
    ).toEqual([
      ['step', 'total', 10, 1],
      ['step', 'charge', 'r-1', 1],
    ]);
  });

  it('a result is what JSON gives back, already the first time', async () => {
    const engine = given().engine();
    const seen: unknown[] = [];
    engine.registerWorkflow('shapes', async (_, wf) => {
      const date = new Date('2030-01-01T00:00:00Z');
      seen.push(await wf.step('date', () => date));
      const nothing = await wf.step('nothing', (): number | undefined => undefined);
      seen.push(nothing);
      seen.push(await wf.step('null', () => null));
      seen.push(await wf.step('empty', () => ''));
      seen.push(await wf.step('object', () => ({ date, left: undefined, list: [] })));
    });
    await engine.start();
    const { id } = await engine.startWorkflow('shapes');
    expect(await engine.runResult(id)).toBeUndefined();
    const iso = '2030-01-01T00:00:00.000Z';
    expect(seen).toEqual([iso, undefined, null, '', { date: iso, list: [] }]);
    expect((await engine.runs.timeline(id)).map(({ value }) => value)).toEqual(seen);
  });

  it('a step that fails is tried again, and its last error is recorded and thrown', async () => {
    const engine = given().engine({ backoff: AT_ONCE });
    const attempts: number[] = [];
    engine.registerWorkflow('flaky', async (_, wf) => {
      const first = await wf.step(
        'flaky',
        ({ attempt }) => {
          attempts.push(attempt);
          if (attempt < 3) throw new Error(`try ${attempt}`);
          return 'done';
        },
        { retries: 2 },
      );
      const caught = await wf
        .step(
          'hopeless',
          () => {
            throw Object.assign(new RangeError('no way', { cause: new Error('why') }), { code: 'E_NO' });
          },
          { retries: 0 },
        )
        .catch((error: unknown) => error as Error & { code?: string });
      return [first, (caught as Error).name, (caught as Error).message, (caught as { code?: string }).code];
    });
    await engine.start();
    const { id } = await engine.startWorkflow('flaky');
    expect(await engine.runResult(id)).toEqual(['done', 'RangeError', 'no way', 'E_NO']);
    expect(attempts).toEqual([1, 2, 3]);
    const hopeless = await engine.runs.inspectStep(id, 'hopeless');
    expect(hopeless).toMatchObject({
      status: 'failed',
      tries: 1,
      error: { message: 'no way', cause: { message: 'why' } },
    });
    expect(await engine.runs.inspectStep(id, 'flaky')).toMatchObject({ status: 'completed', tries: 3 });
  });

  it('an error that the method does not catch fails the run', async () => {
    const engine = given().engine();
    engine.registerWorkflow('failing', async (_, wf) => {
      await wf.step('charge', () => {
        throw new NonRetryableError('declined');
      });
    });
    await engine.start();
    const { id } = await engine.startWorkflow('failing');
    const failure = await engine.runResult(id).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RunFailedError);
    expect(failure).toMatchObject({ state: 'failed', cause: { name: 'NonRetryableError', message: 'declined' } });
    expect((await engine.runs.get(id))?.error).toMatchObject({ message: 'declined', code: 'NON_RETRYABLE' });
  });

  it('a result that cannot be serialised fails its step, once', async () => {
    const engine = given().engine({ backoff: AT_ONCE });
    let calls = 0;
    engine.registerWorkflow('odd', async (_, wf) => {
      await wf.step('big', () => {
        calls += 1;
        return 5n;
      });
    });
    await engine.start();
    const { id } = await engine.startWorkflow('odd');
    await expect(engine.runResult(id)).rejects.toThrow(/step "big" cannot be serialised/);
    expect(calls).toBe(1);
  });

  it('names that come again are numbered, and get results of their own', async () => {
    const engine = given().engine();
    engine.registerWorkflow('loop', async (_, wf) => {
      const results: number[] = [];
      for (let n = 0; n < 3; n++) results.push(await wf.step('charge', () => n));
      return results;
    });
    await engine.start();
    const { id } = await engine.startWorkflow('loop');
    expect(await engine.runResult(id)).toEqual([0, 1, 2]);
    expect(await recorded(engine, id)).toEqual(['step:charge', 'step:charge#2', 'step:charge#3']);
  });

  it('steps run side by side, and their results come in order', async () => {
    const engine = given().engine();
    let most = 0;
    let running = 0;
    const busy = async <T>(value: T): Promise<T> => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => setImmediate(resolve));
      running -= 1;
      return value;
    };
    engine.registerWorkflow('parallel', async (_, wf) => {
      const pair = await Promise.all([wf.step('a', () => busy('a')), wf.step('b', () => busy('b'))]);
      const named = await wf.parallel('pair', [() => busy(1), () => busy('two')]);
      const plain = await wf.parallel([() => wf.step('c', () => 'c'), async () => 5]);
      most = 0;
      const fanned = await wf.fanOut('each', [1, 2, 3, 4, 5], (item) => busy(item * item), { concurrency: 2 });
      return { pair, named, plain, fanned, most };
    });
    await engine.start();
    const { id } = await engine.startWorkflow('parallel');
    expect(await engine.runResult(id)).toEqual({
      pair: ['a', 'b'],
      named: [1, 'two'],
      plain: ['c', 5],
      fanned: [1, 4, 9, 16, 25],
      most: 2,
    });
    expect((await recorded(engine, id)).filter((key) => key.startsWith('step:each['))).toHaveLength(5);
  });

  it('tell listeners of what happened to them, once it is written', async () => {
    const engine = given().engine({ backoff: AT_ONCE });
    const heard: unknown[] = [];
    engine.on('workflowStarted', ({ run }) => heard.push(['started', run.name, run.version]));
    engine.on('workflowStepCompleted', ({ step }) => heard.push(['step', step.name, step.tries]));
    engine.on('workflowStepFailed', ({ step, error }) => heard.push(['failed step', step.name, error.message]));
    engine.on('workflowCompleted', ({ run }) => heard.push(['completed', run.name]));
    engine.on('workflowFailed', ({ run, error }) => heard.push(['failed', run.name, error.message]));
    engine.registerWorkflow('good', async (_, wf) => wf.step('a', () => 1));
    engine.registerWorkflow('bad', async (_, wf) => {
      await wf.step('b', () => Promise.reject(new Error('no')), { retries: 1 });
    });
    await engine.start();
    const good = await engine.startWorkflow('good');
    await engine.runResult(good.id);
    const bad = await engine.startWorkflow('bad');
    await reachedRun(engine, bad.id, 'failed');
    await until('all is told', () => heard.length >= 6);
    expect(heard).toEqual([
      ['started', 'good', 1],
      ['step', 'a', 1],
      ['completed', 'good'],
      ['started', 'bad', 1],
      ['failed step', 'b', 'no'],
      ['failed', 'bad', 'no'],
    ]);
  });

  it('many runs share the store’s commits and end each with its own output', async () => {
    const engine = given().engine();
    engine.registerWorkflow('tenfold', async (input, wf) => {
      let sum = 0;
      for (let n = 0; n < 5; n++) sum += await wf.step(`add-${n}`, () => (input as number) + n);
      return sum;
    });
    await engine.start();
    const runs = await Promise.all(Array.from({ length: 60 }, (_, n) => engine.startWorkflow('tenfold', n)));
    const outputs = await Promise.all(runs.map(({ id }) => engine.runResult(id)));
    expect(outputs).toEqual(Array.from({ length: 60 }, (_, n) => n * 5 + 10));
  });

  it('a start with a key that was used returns the run that has it', async () => {
    const engine = given().engine({ worker: false });
    const first = await engine.startWorkflow('order', { amount: 1 }, { idempotencyKey: 'order-1' });
    const again = await engine.startWorkflow('order', { amount: 2 }, { idempotencyKey: 'order-1' });
    expect(again).toMatchObject({ id: first.id, started: 'existing', input: { amount: 1 } });
  });

  it('recorded values are the same in every replay', async () => {
    const engine = given().engine({ parkGrace: 0 });
    const seen: unknown[] = [];
    engine.registerWorkflow('values', async (_, wf) => {
      const values = [wf.now().getTime(), wf.random(), wf.uuid(), wf.uuid(), wf.patched('new-path')];
      wf.setStatus({ at: 'sleep' });
      await wf.sleep(1);
      seen.push(values);
      return [...values, wf.patched('new-path')];
    });
    await engine.start();
    const { id } = await engine.startWorkflow('values');
    const output = await engine.runResult<unknown[]>(id);
    expect(seen).toEqual([output.slice(0, 5)]);
    expect(output.slice(4)).toEqual([true, true]);
    expect(output[2]).not.toBe(output[3]);
    expect(await engine.runs.get(id)).toMatchObject({ status: { at: 'sleep' }, attempt: 2 });
  });
});

describe('how long a step waits', () => {
  it('retries come by the backoff, also when the run was parked in between', async () => {
    const { engine, clock } = await clockedEngine();
    const begin = clock.now();
    const at: number[] = [];
    engine.registerWorkflow('slow', async (_, wf) =>
      wf.step(
        'charge',
        () => {
          at.push(clock.now() - begin);
          if (at.length < 4) throw new Error('no');
          return 'ok';
        },
        { retries: 3, backoff: { type: 'exponential', initial: '1h', max: '3h' } },
      ),
    );
    const { id } = await engine.startWorkflow('slow');
    await clock.advance('12h');
    expect(at).toEqual([0, 3_600_000, 10_800_000, 21_600_000]);
    expect(await engine.runs.get(id)).toMatchObject({ state: 'completed', output: 'ok' });
    expect(await engine.runs.inspectStep(id, 'charge')).toMatchObject({ tries: 4 });
    await engine.stop();
  });

  it('a step that takes too long is stopped by its signal and tried again', async () => {
    const { engine, clock } = await clockedEngine({ backoff: AT_ONCE });
    const reasons: unknown[] = [];
    engine.registerWorkflow('slow', async (_, wf) =>
      wf.step(
        'call',
        ({ signal, attempt }) =>
          attempt === 2
            ? 'done'
            : new Promise((_resolve, reject) => {
                signal.addEventListener('abort', () => {
                  reasons.push((signal.reason as Error).name);
                  reject(signal.reason as Error);
                });
              }),
        { timeout: '10s', retries: 1 },
      ),
    );
    const { id } = await engine.startWorkflow('slow');
    await clock.advance('11s');
    expect(await engine.runs.get(id)).toMatchObject({ state: 'completed', output: 'done' });
    expect(reasons).toEqual(['StepTimeoutError']);
    await engine.stop();
  });
});
