import { describe, expect, it } from 'vitest';
import { StoreClosedError, StoreUnavailableError } from '../../lib/errors.js';
import { newDlqId } from '../../lib/id/ids.js';
import { deferred } from '../support/deferred.js';

import { COMPLETED, NOTHING, W1, W2, type Answer, setup } from '../support/settler-under-test.js';

const away: Answer = async () => Promise.reject(new StoreUnavailableError('away'));
const refuse: Answer = async () => Promise.reject(new Error('refused'));

describe('batches of outcomes', () => {
  it('hold what ended in one turn of the event loop, in order', async () => {
    const { add, batches, told, turn } = setup();
    for (const item of ['a', 'b', 'c']) add(item);
    expect(batches()).toEqual([]);
    await turn();
    expect(batches()).toEqual([['a', 'b', 'c']]);
    expect(told).toEqual(['a written', 'b written', 'c written']);
  });

  it('hold what ended while another was on its way', async () => {
    const { add, batches, answer, turn, settler } = setup();
    const gate = deferred();
    answer(async () => {
      await gate.promise;
      return NOTHING;
    });
    add('a');
    await turn();
    add('b');
    await turn();
    add('c');
    await turn();
    expect(batches()).toEqual([['a']]);
    expect(settler.backlog).toBe(3);
    gate.resolve();
    await settler.idle();
    expect(batches()).toEqual([['a'], ['b', 'c']]);
    expect(settler.backlog).toBe(0);
  });

  it('wait as long as the window, when there is one', async () => {
    const { add, batches, clock } = setup({ windowMs: 2 });
    add('a');
    await clock.advance(1);
    add('b');
    expect(batches()).toEqual([]);
    await clock.advance(1);
    expect(batches()).toEqual([['a', 'b']]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('are no larger than allowed', async () => {
    const { add, batches, settler } = setup({ maxBatch: 2 });
    for (const item of ['a', 'b', 'c', 'd', 'e']) add(item);
    await settler.idle();
    expect(batches()).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  it('share one worker id, which is part of the fence', async () => {
    const { add, batches, calls, settler } = setup();
    add('a');
    add('b', COMPLETED, W2);
    add('c', COMPLETED, W2);
    add('d');
    await settler.idle();
    expect(batches()).toEqual([['a'], ['b', 'c'], ['d']]);
    expect(calls.map(({ workerId }) => workerId)).toEqual([W1, W2, W1]);
  });

  it('hold one attempt of a job: the answer to an earlier one may have been lost', async () => {
    const { add, answer, calls, told, settler, clock } = setup();
    answer(away, async () => ({ lost: [id], cancelled: [] }));
    const id = add('first', { kind: 'snoozed', delayMs: 0 });
    await clock.advance(0);
    settler.add({ workerId: W1, item: 'second', settlement: { id, attempt: 2, outcome: COMPLETED } });
    await clock.advance('1s');
    expect(calls.map(({ settlements }) => settlements.map(({ attempt }) => attempt))).toEqual([[1], [1], [2]]);
    expect(told).toEqual(['first lost', 'second written']);
  });

  it('tell apart what was lost, cancelled and written', async () => {
    const { add, answer, told, settler } = setup();
    add('a');
    const lost = add('b');
    const cancelled = add('c', { kind: 'released' });
    answer(async () => ({ lost: [lost], cancelled: [cancelled] }));
    await settler.idle();
    expect(told).toEqual(['a written', 'b lost', 'c cancelled']);
  });
});

describe('a batch that the store refuses', () => {
  it('is halved until the outcome at fault stands alone; the others are written at once', async () => {
    const { add, answerAlways, told, errors, nameOf, turn, settler } = setup();
    for (const item of ['a', 'b', 'bad', 'd', 'e']) add(item);
    answerAlways(async (settlements) => {
      if (settlements.some(({ id, outcome }) => nameOf(id) === 'bad' && outcome.kind === 'completed' && outcome.result))
        throw new Error('odd result');
      return NOTHING;
    });
    await turn();
    expect(told).toEqual(['a written', 'b written', 'd written', 'e written']);
    expect(errors.map(({ count }) => count)).toEqual([5, 3, 1]);
    expect(settler.backlog).toBe(1);
  });

  it.each([
    ['a result', COMPLETED, { kind: 'completed', result: null }],
    [
      'the error of a retry',
      { kind: 'retry', delayMs: 5, error: { name: 'E', message: 'odd' } },
      { kind: 'retry', delayMs: 5, error: { name: 'Error', message: 'the error of this attempt could not be stored' } },
    ],
  ] as const)('%s that is refused again and again is left out in the end', async (_what, outcome, simpler) => {
    const { add, answer, calls, told, clock } = setup();
    answer(refuse, refuse, refuse);
    add('a', outcome);
    await clock.advance(1_000);
    expect(calls.map(({ settlements }) => settlements[0]!.outcome)).toEqual([outcome, outcome, outcome, simpler]);
    expect(told).toEqual(['a simplified', 'a written']);
  });

  it('by chance costs no result', async () => {
    const { add, answer, calls, told, clock } = setup();
    answer(refuse);
    add('a');
    await clock.advance(1_000);
    expect(calls.map(({ settlements }) => settlements[0]!.outcome)).toEqual([COMPLETED, COMPLETED]);
    expect(told).toEqual(['a written']);
  });

  it('keeps the dead-letter id of a failure whose error is left out', async () => {
    const { add, answer, calls, clock } = setup();
    const dlqId = newDlqId();
    answer(refuse, refuse, refuse);
    add('a', { kind: 'failed', dlqId, error: { name: 'E', message: 'odd' } });
    await clock.advance(1_000);
    expect(calls[3]!.settlements[0]!.outcome).toMatchObject({ kind: 'failed', dlqId, error: { name: 'Error' } });
  });

  it('keeps an outcome that has nothing to leave out, and lets others pass it', async () => {
    const { add, answerAlways, calls, nameOf, told, clock, settler } = setup();
    let broken = true;
    answerAlways(async (settlements) => {
      if (broken && settlements.some(({ id }) => nameOf(id) === 'bad')) throw new Error('refused');
      return NOTHING;
    });
    add('bad', { kind: 'snoozed', delayMs: 5 });
    await clock.advance(200);
    add('good');
    await clock.advance('1m');
    expect(told).toEqual(['good written']);
    broken = false;
    await clock.advance('1m');
    expect(told).toEqual(['good written', 'bad written']);
    expect(calls.at(-1)!.settlements[0]!.outcome).toEqual({ kind: 'snoozed', delayMs: 5 });
    expect(settler.backlog).toBe(0);
  });
});

describe('a store that is not there', () => {
  it.each([new StoreUnavailableError('away'), new StoreClosedError()])(
    'gets the same batch again (%s)',
    async (error) => {
      const { add, answer, batches, errors, told, clock } = setup();
      answer(async () => Promise.reject(error));
      add('a');
      add('b');
      await clock.advance(100);
      expect(batches()).toEqual([
        ['a', 'b'],
        ['a', 'b'],
      ]);
      expect(errors).toEqual([{ error, count: 2 }]);
      expect(told).toEqual(['a written', 'b written']);
    },
  );

  it('is asked less and less often, up to every five seconds, until it is back', async () => {
    const { add, answerAlways, told, clock, settler } = setup();
    const at: number[] = [];
    answerAlways(async () => {
      at.push(clock.now());
      throw new StoreUnavailableError('away');
    });
    add('a');
    await clock.advance('2m');
    const pauses = at.slice(1).map((time, index) => time - at[index]!);
    pauses.forEach((pause, index) => {
      const longest = Math.min(5_000, 50 * 2 ** index);
      expect(pause).toBeGreaterThanOrEqual(longest / 2);
      expect(pause).toBeLessThanOrEqual(longest);
    });
    expect(pauses.length).toBeGreaterThan(20);
    expect(settler.backlog).toBe(1);
    answerAlways(async () => NOTHING);
    await clock.advance('5s');
    expect(told).toEqual(['a written']);
  });

  it('starts with short pauses again at its next outage', async () => {
    const { add, answer, answerAlways, calls, clock } = setup();
    answer(away, away, away, away, away, away);
    add('a');
    await clock.advance('1m');
    expect(calls).toHaveLength(7);
    answer(away);
    answerAlways(async () => NOTHING);
    add('b');
    await clock.advance(50);
    expect(calls).toHaveLength(9);
  });

  it('gets what ended meanwhile after what ended before', async () => {
    const { add, answer, batches, clock, turn } = setup();
    const gate = deferred();
    answer(() => gate.promise.then(() => away([])));
    add('a');
    await turn();
    add('b');
    gate.resolve();
    await clock.advance(1);
    add('c');
    await clock.advance(100);
    expect(batches()).toEqual([['a'], ['a', 'b', 'c']]);
  });

  it('is not mistaken for a refusal when it goes away between two halves', async () => {
    const { add, answer, batches, told, clock } = setup();
    answer(refuse, async () => NOTHING, away);
    for (const item of ['a', 'b', 'c', 'd']) add(item);
    await clock.advance(100);
    expect(batches()).toEqual([
      ['a', 'b', 'c', 'd'],
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ]);
    expect(told).toEqual(['a written', 'b written', 'c written', 'd written']);
  });
});

describe('the end', () => {
  it('is idle at once when there was nothing to write', async () => {
    await setup().settler.idle();
  });

  it('is idle only when what could not be delivered is written', async () => {
    const { add, answer, settler, clock } = setup();
    answer(away);
    add('a');
    let idle = false;
    const waiting = settler.idle().then(() => (idle = true));
    await clock.advance(10);
    expect(idle).toBe(false);
    await clock.advance(100);
    await waiting;
  });

  it('gives up what is left and leaves no timer behind', async () => {
    const { add, answerAlways, settler, calls, clock } = setup();
    answerAlways(away);
    add('a');
    await clock.advance('1s');
    settler.dispose();
    const tries = calls.length;
    add('b');
    await clock.advance('1h');
    expect(calls).toHaveLength(tries);
    expect(clock.pendingTimers).toBe(0);
    expect(settler.backlog).toBe(0);
  });

  it('does not try again what failed after it was given up', async () => {
    const { add, answer, settler, calls, clock, turn } = setup();
    const gate = deferred();
    answer(async () => {
      await gate.promise;
      throw new StoreClosedError();
    });
    add('a');
    await turn();
    settler.dispose();
    gate.resolve();
    await clock.advance('1h');
    expect(calls).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });
});
