import { expect, it } from 'vitest';
import { type PayloadCodec, jsonCodec } from '../../lib/codec/payload-codec.js';
import { PayloadError } from '../../lib/errors.js';
import { defineJob } from '../../lib/job/job-definition.js';
import type { StandardSchema } from '../../lib/job/payload-schema.js';
import { describeOnEachStore } from '../support/each-store.js';
import { reached } from '../support/job-states.js';
import { until } from '../support/until.js';

const base64: PayloadCodec = {
  name: 'base64',
  encode: (value) => (value === undefined ? undefined : Buffer.from(JSON.stringify(value)).toString('base64')),
  decode: (text) => JSON.parse(Buffer.from(text, 'base64').toString()) as unknown,
};

const textOnly = (validate: StandardSchema<string>['~standard']['validate']): StandardSchema<string> => ({
  '~standard': { version: 1, vendor: 'test', validate },
});

describeOnEachStore('a payload that cannot be read harms nobody', (given) => {
  it('a payload that cannot be decoded goes to the dead-letter queue at once', async () => {
    const producer = given().engine({ worker: false, codec: base64 });
    const engine = given().engine();
    let runs = 0;
    engine.register('greet', () => void (runs += 1));
    await engine.start();
    const { id } = await producer.enqueue('greet', 'Ada');
    const job = await reached(engine, id, 'failed');
    expect(runs).toBe(0);
    expect(job).toMatchObject({ attempt: 1, errors: [{ name: 'NonRetryableError' }] });
    expect(job.errors[0]!.message).toContain('base64');
    expect(() => job.payload).toThrow('base64');
    expect((await engine.jobs.list()).jobs).toHaveLength(1);
    expect((await engine.dlq.list()).entries).toHaveLength(1);
  });

  it('a job keeps the codec it was written with, also for its result', async () => {
    const older = given().engine({ worker: false });
    const newer = given().engine({ codec: base64 });
    newer.register('greet', (name) => ({ hello: name }));
    await newer.start();
    const { id } = await older.enqueue('greet', 'Ada');
    await reached(newer, id, 'completed');
    expect((await older.jobs.get(id))?.result).toEqual({ hello: 'Ada' });
    expect((await newer.jobs.get(id))?.result).toEqual({ hello: 'Ada' });
  });

  it('a codec that cannot read what it wrote spoils nobody else', async () => {
    const broken: PayloadCodec = {
      ...jsonCodec,
      name: 'broken',
      decode: (text) => {
        if (text.includes('poison')) throw new Error('cannot read this');
        return JSON.parse(text) as unknown;
      },
    };
    const engine = given().engine({ codec: broken, settleWindow: 20 });
    const told: unknown[] = [];
    engine.on('jobCompleted', ({ job }) => told.push(job.id));
    engine.register('greet', (payload) => (payload === 'odd' ? 'poison' : payload));
    await engine.start();
    const jobs = await engine.enqueueMany(['even', 'odd', 'other'].map((input) => ({ job: 'greet', input })));
    for (const { id } of jobs) await reached(engine, id, 'completed');
    expect((await engine.jobs.list()).jobs).toHaveLength(3);
    await until('all were told', () => told.length === 3);
  });

  it('a payload that cannot be serialised, or is too large, is refused before it is stored', async () => {
    const engine = given().engine({ worker: false, maxPayloadBytes: 1_000 });
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const unreadable = {
      toJSON: () => {
        throw new Error('not today');
      },
    };
    for (const payload of [10n, cycle, () => undefined, unreadable, 'ü'.repeat(600)]) {
      await expect(engine.enqueue('greet', payload)).rejects.toThrow(PayloadError);
    }
    expect((await engine.jobs.list()).jobs).toEqual([]);
  });

  it('a payload that its schema refuses at run time goes to the dead-letter queue at once', async () => {
    const loose = given().engine({ worker: false });
    const strict = given().engine();
    const schema = textOnly((value) =>
      typeof value === 'string' ? { value } : { issues: [{ message: 'must be a text' }] },
    );
    strict.register(defineJob<string>('greet', { payload: schema }), (name) => `hello ${name}`);
    await strict.start();
    const bad = await loose.enqueue('greet', 7);
    expect(await reached(strict, bad.id, 'failed')).toMatchObject({
      attempt: 1,
      errors: [{ name: 'PayloadValidationError' }],
    });
    const good = await loose.enqueue('greet', 'Ada');
    expect((await reached(strict, good.id, 'completed')).result).toBe('hello Ada');
  });

  it('a schema that throws is a failure like any other', async () => {
    const engine = given().engine({ maxRetries: 0 });
    const schema = textOnly(() => {
      throw new Error('the schema is broken');
    });
    const loose = given().engine({ worker: false });
    engine.register(defineJob<string>('greet', { payload: schema }), () => 'done');
    await engine.start();
    await expect(engine.enqueue('greet', 'Ada')).rejects.toThrow('the schema is broken');
    const { id } = await loose.enqueue('greet', 'Ada', { maxRetries: 0 });
    expect((await reached(engine, id, 'failed')).errors[0]!.message).toBe('the schema is broken');
  });
});
