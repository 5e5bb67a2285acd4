import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { JobNotFoundError, StoreUnavailableError } from '../../lib/errors.js';
import { newDlqId, newJobId, newWorkerId } from '../../lib/id/ids.js';
import type { Wake } from '../../lib/store/store.js';
import { isTransient, isUnavailable, translateError } from '../../lib/store/typeorm/postgres/pg-errors.js';
import { PgNotifier } from '../../lib/store/typeorm/postgres/pg-notifier.js';
import {
  parseErrors,
  parseJson,
  plainArray,
  toDlqId,
  toJobId,
  toJson,
  toUuid,
  toWorkerId,
  uuidArray,
} from '../../lib/store/typeorm/postgres/rows.js';
import { deferred } from '../support/deferred.js';

describe('rows of Postgres', () => {
  it('hold the UUID of each kind of id', () => {
    const [job, dlq, worker] = [newJobId(), newDlqId(), newWorkerId()];
    expect([toJobId(toUuid(job)), toDlqId(toUuid(dlq)), toWorkerId(toUuid(worker))]).toEqual([job, dlq, worker]);
  });

  it('take ids and numbers as the text of an array', () => {
    expect(plainArray([])).toBe('{}');
    expect(plainArray([1, null, -2.5])).toBe('{1,null,-2.5}');
    const ids = [newJobId(), newJobId()];
    expect(uuidArray(ids)).toBe(`{${toUuid(ids[0]!)},${toUuid(ids[1]!)}}`);
  });

  it('tell null from a value that is empty', () => {
    expect(toJson(null)).toBeNull();
    expect(toJson({})).toBe('{}');
    expect(parseJson(null)).toBeNull();
    expect(parseJson('null')).toBeNull();
    expect(parseJson('{}')).toEqual({});
  });

  it('keep errors with their times, whatever the text holds', () => {
    expect(parseErrors(null)).toEqual([]);
    expect(parseErrors([])).toEqual([]);
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ at: fc.nat({ max: 2 ** 48 }), message: fc.string({ unit: 'binary' }), attempt: fc.nat() }),
        ),
        (errors) => {
          const items = errors.map(({ at, ...error }) => `${at}:${JSON.stringify({ name: 'a:b', ...error })}`);
          expect(parseErrors(items)).toEqual(errors.map((error) => ({ name: 'a:b', ...error })));
        },
      ),
    );
  });
});

describe('errors of Postgres', () => {
  const withCode = (code: unknown, message = 'x'): Error => Object.assign(new Error(message), { code });

  it.each([
    '57014',
    '57P01',
    '57P02',
    '57P03',
    '53300',
    '53100',
    '25006',
    '55P03',
    '08006',
    '08P01',
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'EAI_AGAIN',
  ])('%s means that the database is not there', (code) => expect(isUnavailable(withCode(code))).toBe(true));

  it.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
    'Cannot use a pool after calling end on the pool',
  ])('"%s" means that the database is not there', (message) => {
    expect(isUnavailable(new Error(message))).toBe(true);
  });

  it.each(['23505', '42601', '22021', '40001', '40P01', '42P01', '', undefined, 5])(
    'code %s means that it answered',
    (code) => {
      expect(isUnavailable(withCode(code))).toBe(false);
    },
  );

  it('does not take a statement that speaks of a connection for a lost one', () => {
    expect(isUnavailable(new Error('invalid input: "Connection terminated"'))).toBe(false);
  });

  it('knows the transactions that may simply run again', () => {
    expect(['40001', '40P01', '23505', '57014'].map((code) => isTransient(withCode(code)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('makes one kind of error of a database that is not there, with its cause', () => {
    const cause = withCode('ECONNREFUSED', '');
    const translated = translateError(cause);
    expect(translated).toBeInstanceOf(StoreUnavailableError);
    expect(translated).toMatchObject({ message: 'PostgreSQL did not answer: ECONNREFUSED.', cause });
    expect(translateError(withCode('57P01', 'terminating'))).toMatchObject({
      message: 'PostgreSQL did not answer: terminating.',
    });
  });

  it('leaves every other error as it is', () => {
    const own = new JobNotFoundError('job_x');
    expect(translateError(own)).toBe(own);
    const known = new StoreUnavailableError('away');
    expect(translateError(known)).toBe(known);
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(translateError(value)).toBe(value);
        expect(isTransient(value)).toBe(false);
      }),
    );
  });
});

describe('telling other processes', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function setup() {
    const sent: Wake[][] = [];
    const errors: unknown[] = [];
    const answers: (() => Promise<void>)[] = [];
    const other = new PgNotifier('other', { send: async () => undefined, onError: () => undefined });
    const notifier = new PgNotifier('this', {
      send: async (payloads) => {
        sent.push(payloads.map((payload) => other.parse(payload)!));
        await answers.shift()?.();
      },
      onError: (error) => errors.push(error),
    });
    return { notifier, sent, errors, answer: (next: () => Promise<void>) => void answers.push(next) };
  }

  const ready = (...queues: string[]): Wake => ({ kind: 'ready', queues });
  const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

  it('sends the first news at once', () => {
    const { notifier, sent } = setup();
    notifier.tell(ready('a'));
    expect(sent).toEqual([[ready('a')]]);
  });

  it('sends the news of the next moments together', async () => {
    const { notifier, sent } = setup();
    notifier.tell(ready('a'));
    for (const queue of ['b', 'c', 'b']) notifier.tell(ready(queue));
    await pass(9);
    expect(sent).toHaveLength(1);
    await pass(1);
    expect(sent).toEqual([[ready('a')], [ready('b', 'c')]]);
    await pass(1_000);
    notifier.tell(ready('d'));
    expect(sent).toHaveLength(3);
  });

  it('keeps the earliest of the times at which something will be due', async () => {
    const { notifier, sent } = setup();
    notifier.tell(ready('a'));
    for (const inMs of [500, 200, 900]) notifier.tell({ kind: 'ready', queues: ['b'], inMs });
    await pass(10);
    expect(sent[1]).toEqual([{ kind: 'ready', queues: ['b'], inMs: 200 }]);
  });

  it('sends what is ready beside what will be', async () => {
    const { notifier, sent } = setup();
    notifier.tell(ready('a'));
    notifier.tell({ kind: 'ready', queues: ['b'], inMs: 200 });
    notifier.tell(ready('c'));
    await pass(10);
    expect(sent[1]!.map((wake) => (wake.kind === 'ready' ? wake.inMs : wake))).toEqual([undefined, 200]);
    expect(sent[1]!.every((wake) => wake.kind === 'ready' && wake.queues.includes(wake.inMs ? 'b' : 'c'))).toBe(true);
  });

  it('still means any queue when some were named beside it', async () => {
    const { notifier, sent } = setup();
    notifier.tell(ready('a'));
    notifier.tell(ready('b'));
    notifier.tell(ready());
    notifier.tell(ready('c'));
    await pass(10);
    expect(sent[1]).toEqual([ready()]);
    notifier.tell(ready('d'));
    await pass(10);
    expect(sent[2]).toEqual([ready('d')]);
  });

  it('means any queue when their names are too long for one message', async () => {
    const { notifier, sent } = setup();
    notifier.tell(ready('a'));
    for (let i = 0; i < 100; i++) notifier.tell(ready(`${i} ${'€'.repeat(50)}`));
    await pass(10);
    expect(sent[1]).toEqual([ready()]);
  });

  it('sends every cancel request', async () => {
    const { notifier, sent } = setup();
    notifier.tell(ready('a'));
    const cancels = [1, 2, 3].map((): Wake => ({ kind: 'cancel', jobId: newJobId(), workerId: newWorkerId() }));
    for (const wake of cancels) notifier.tell(wake);
    await pass(10);
    expect(sent[1]).toEqual(cancels);
  });

  it('sends one message at a time', async () => {
    const { notifier, sent, answer } = setup();
    const gate = deferred();
    answer(() => gate.promise);
    notifier.tell(ready('a'));
    notifier.tell(ready('b'));
    await pass(1_000);
    expect(sent).toHaveLength(1);
    gate.resolve();
    await pass(10);
    expect(sent).toHaveLength(2);
  });

  it('goes on after an error', async () => {
    const { notifier, sent, errors, answer } = setup();
    answer(async () => Promise.reject(new Error('away')));
    notifier.tell(ready('a'));
    await pass(10);
    notifier.tell(ready('b'));
    await pass(10);
    expect(errors).toEqual([new Error('away')]);
    expect(sent).toHaveLength(2);
  });

  it('sends what is waiting when it stops, and leaves no timer', async () => {
    const { notifier, sent } = setup();
    notifier.tell(ready('a'));
    notifier.tell(ready('b'));
    await notifier.stop();
    expect(sent).toEqual([[ready('a')], [ready('b')]]);
    expect(vi.getTimerCount()).toBe(0);
    const quiet = setup().notifier;
    await quiet.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('hears others, and neither itself nor noise', () => {
    const { notifier } = setup();
    const from = (id: string): string => JSON.stringify({ from: id, wake: ready('a') });
    expect(notifier.parse(from('other'))).toEqual(ready('a'));
    expect(notifier.parse(from('this'))).toBeUndefined();
    for (const noise of ['', 'text', 'null', '{"from":']) expect(notifier.parse(noise)).toBeUndefined();
  });
});
