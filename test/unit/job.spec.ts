import { describe, expect, it } from 'vitest';
import { CodecRegistry } from '../../lib/codec/payload-codec.js';
import { newJobId } from '../../lib/id/ids.js';
import type { JobRecord } from '../../lib/job/job-record.js';
import { toJob } from '../../lib/job/job.js';
import { toJobRecord } from '../../lib/job/to-job-record.js';
import { newJob } from '../../lib/testing/store-contract/fixtures.js';

const codecs = new CodecRegistry();
const record = (changes: Partial<JobRecord> = {}): JobRecord => ({ ...toJobRecord(newJob(), 1_000), ...changes });

describe('a job as applications see it', () => {
  it('tells what is absent by undefined', () => {
    expect(toJob(record(), codecs)).toMatchObject({
      result: undefined,
      progress: undefined,
      uniqueKey: undefined,
      groupKey: undefined,
      scope: undefined,
      workerId: undefined,
      startedAt: undefined,
      headers: {},
    });
  });

  it('tells null and the empty text from what is absent', () => {
    const job = toJob(record({ payload: 'null', result: '""', progress: 'null' }), codecs);
    expect(job).toMatchObject({ payload: null, result: '', progress: null });
    expect(toJob(record({ payload: null }), codecs).payload).toBeUndefined();
  });

  it('has times as dates and a half scope as a scope', () => {
    const job = toJob(record({ runAt: 5_000, completedAt: 0, scopeOrgId: 'a' }), codecs);
    expect(job.runAt).toEqual(new Date(5_000));
    expect(job.completedAt).toEqual(new Date(0));
    expect(job.scope).toEqual({ appId: '', orgId: 'a' });
  });

  it('cannot be changed', () => {
    const job = toJob(record({ payload: '{"a":1}' }), codecs);
    expect(() => Object.assign(job, { state: 'failed' })).toThrow(TypeError);
    expect(job.payload).toBe(job.payload);
  });

  it('has all it says when it is copied or written as JSON', () => {
    const job = toJob(record({ payload: '{"a":1}', result: '[2]' }), codecs, { enqueued: 'inserted' });
    expect({ ...job }).toMatchObject({ payload: { a: 1 }, result: [2], enqueued: 'inserted' });
    expect(JSON.parse(JSON.stringify(job))).toMatchObject({ payload: { a: 1 }, result: [2], state: 'pending' });
  });

  it('can be listed though its payload or result cannot be decoded', () => {
    const job = toJob(record({ id: newJobId(), codec: 'unknown', result: 'x' }), codecs);
    expect(job.state).toBe('pending');
    expect(() => job.payload).toThrow(/"unknown"/);
    expect(() => job.result).toThrow(/"unknown"/);
  });

  it('of a row that was just inserted is due after its delay, by the clock of the store', () => {
    expect(toJobRecord(newJob({ delayMs: 500, uniqueForMs: 50 }), 1_000)).toMatchObject({
      runAt: 1_500,
      uniqueUntil: 1_050,
      state: 'pending',
    });
    expect(toJobRecord(newJob({ runAt: 7 }), 1_000)).toMatchObject({ runAt: 7, uniqueUntil: null });
    expect(toJobRecord(newJob(), 1_000)).not.toHaveProperty('delayMs');
  });
});
