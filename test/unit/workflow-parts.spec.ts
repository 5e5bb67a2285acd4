import { describe, expect, expectTypeOf, it } from 'vitest';
import { InvalidOptionsError } from '../../lib/errors.js';
import type { Jsonify } from '../../lib/workflow/jsonify.js';
import { Occurrences } from '../../lib/workflow/occurrences.js';
import { decideCancel, decideRetry, hasStepsToUndo, planRetry } from '../../lib/workflow/run-decisions.js';
import { RUN_STATES, RUN_TRANSITIONS, canRunTransition, isRunEnded } from '../../lib/workflow/run-state.js';
import { RecordedError } from '../../lib/workflow/workflow-errors.js';
import { WorkflowRegistry } from '../../lib/workflow/workflow-registry.js';

const record = (key: string, seq: number, more: object = {}) => ({
  key,
  seq,
  afterSeq: seq - 1,
  status: 'completed' as const,
  undoable: false,
  ...more,
});
const standing = { workerId: null, retryCount: 0, maxRetries: 1, target: null } as const;

describe('the states of a run', () => {
  it('are left by no transition but those of the table once the run has ended', () => {
    for (const state of RUN_STATES.filter(isRunEnded)) {
      const allowed = Object.keys(RUN_TRANSITIONS).filter((name) =>
        canRunTransition(name as keyof typeof RUN_TRANSITIONS, state),
      );
      expect(allowed.toSorted()).toEqual(state === 'completed' ? ['replay'] : ['migrate', 'replay', 'retry']);
    }
  });
});

describe('decisions about a run', () => {
  it('cancel', () => {
    expect(decideCancel({ ...standing, state: 'waiting' }, 'compensate', false)).toBe('cancelled');
    expect(decideCancel({ ...standing, state: 'waiting' }, 'compensate', true)).toBe('compensating');
    expect(decideCancel({ ...standing, state: 'waiting' }, 'stop', true)).toBe('cancelled');
    expect(decideCancel({ ...standing, state: 'running', workerId: 'wkr_1' as never }, 'stop', true)).toBe('requested');
  });

  it('retry', () => {
    expect(decideRetry({ ...standing, state: 'running' }, true)).toBe('again');
    expect(decideRetry({ ...standing, state: 'running', retryCount: 1 }, true)).toBe('compensating');
    expect(decideRetry({ ...standing, state: 'running', retryCount: 1 }, false)).toBe('failed');
    expect(decideRetry({ ...standing, state: 'compensating', retryCount: 1, target: 'cancelled' }, true)).toBe(
      'cancelled',
    );
  });

  it('what there is to undo', () => {
    const hotel = record('step:hotel', 1, { undoable: true });
    expect(hasStepsToUndo([hotel])).toBe(true);
    expect(hasStepsToUndo([hotel, record('undo:step:hotel', 2)])).toBe(false);
    expect(hasStepsToUndo([hotel, record('undo:step:hotel', 2, { status: 'failed' })])).toBe(true);
    expect(hasStepsToUndo([{ ...hotel, status: 'failed' }])).toBe(false);
  });

  it('what a retry keeps: results beside the failure, not those that came of it', () => {
    const failed = record('step:b', 2, { status: 'failed' });
    const beside = record('step:c', 3, { afterSeq: 1 });
    const keys = (...records: ReturnType<typeof record>[]) => planRetry(records).keep.map(({ key }) => key);
    expect(keys(record('step:a', 1), failed, beside)).toEqual(['step:a', 'step:c']);
    expect(keys(record('step:a', 1), failed, record('step:c', 3))).toEqual(['step:a']);
    expect(keys(record('step:a', 1))).toEqual(['step:a']);
  });
});

describe('names of calls', () => {
  it('are numbered from the second occurrence on, by kind', () => {
    const keys = new Occurrences();
    expect([keys.next('step', 'a'), keys.next('step', 'a'), keys.next('sleep', 'a'), keys.next('step', 'a')]).toEqual([
      'step:a',
      'step:a#2',
      'sleep:a',
      'step:a#3',
    ]);
  });

  it('cannot pass for an occurrence, nor be empty', () => {
    const keys = new Occurrences();
    for (const name of ['a#2', '', 5 as never]) expect(() => keys.next('step', name)).toThrow(InvalidOptionsError);
  });
});

describe('a workflow registry', () => {
  it('starts the latest version unless told otherwise, and names both owners of one', () => {
    const registry = new WorkflowRegistry();
    const method = () => 'done';
    registry.register({ name: 'order', version: 1 }, method, 'Old.order');
    const latest = registry.register({ name: 'order', version: 3 }, method, 'New.order');
    expect(registry.resolve('order').version).toBe(3);
    expect(registry.resolve({ name: 'order', version: 1 }).version).toBe(1);
    expect(registry.resolve('order', 2).handler).toBeUndefined();
    expect(registry.resolve('unknown').version).toBe(1);
    expect(() => registry.register({ name: 'order', version: 3 }, method, 'Other.order')).toThrow(
      /New\.order and Other\.order/,
    );
    registry.unregister(latest);
    expect(registry.resolve('order').version).toBe(1);
    expect(registry.workflows()).toEqual([{ name: 'order', version: 1 }]);
    expect(() => registry.register({ name: 'order', version: 0 }, method)).toThrow(/"version"/);
  });
});

describe('what becomes of values', () => {
  it('a recorded error has the parts of the original', () => {
    const error = new RecordedError({
      name: 'E',
      message: 'm',
      code: 'C',
      details: [1],
      cause: { name: 'F', message: 'n' },
    });
    expect(error).toMatchObject({
      name: 'E',
      message: 'm',
      code: 'C',
      details: [1],
      cause: { name: 'F', message: 'n' },
    });
    expect(error).toBeInstanceOf(Error);
  });

  it('types say what JSON gives back', () => {
    expectTypeOf<Jsonify<Date>>().toEqualTypeOf<string>();
    expectTypeOf<Jsonify<{ a: Date; b: () => void; c?: number }>>().toEqualTypeOf<{ a: string; c?: number }>();
    expectTypeOf<Jsonify<undefined>>().toEqualTypeOf<undefined>();
    expectTypeOf<Jsonify<string | null>>().toEqualTypeOf<string | null>();
    expectTypeOf<Jsonify<[number, Date]>>().toEqualTypeOf<[number, string]>();
    expectTypeOf<Jsonify<unknown>>().toEqualTypeOf<unknown>();
    expectTypeOf<Jsonify<bigint>>().toEqualTypeOf<never>();
  });
});
