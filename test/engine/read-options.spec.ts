import { afterAll, describe, expect, it } from 'vitest';
import { InvalidOptionsError, createEngine } from '../../lib/engine/index.js';

const engine = createEngine({ store: { type: 'memory' } });
const { jobs, dlq } = engine;
const [job, entry] = ['job_01h455vb4pex5vsknk084sn02q', 'dlq_01h455vb4pex5vsknk084sn02q'];

afterAll(() => engine.stop());

describe('the options of reads and actions', () => {
  it.each([
    ['jobs.get', (given: never) => jobs.get(job, given)],
    ['jobs.list', (given: never) => jobs.list(given)],
    ['jobs.counts', (given: never) => jobs.counts(given)],
    ['jobs.cancel', (given: never) => jobs.cancel(job, given)],
    ['jobs.retry', (given: never) => jobs.retry(job, given)],
    ['jobs.discard', (given: never) => jobs.discard(job, given)],
    ['jobs.logs', (given: never) => jobs.logs(job, given)],
    ['dlq.get', (given: never) => dlq.get(entry, given)],
    ['dlq.list', (given: never) => dlq.list(given)],
    ['dlq.count', (given: never) => dlq.count(given)],
    ['dlq.replay', (given: never) => dlq.replay(entry, given)],
    ['dlq.replayAll', (given: never) => dlq.replayAll(given)],
    ['dlq.purge', (given: never) => dlq.purge(new Date(), given)],
  ])('are refused by %s when they are no object', async (action, call) => {
    for (const [given, got] of [
      [null, 'null'],
      ['acme', 'string'],
    ]) {
      const refusal = call(given as never);
      await expect(refusal).rejects.toThrow(
        `the options of ${action} must be an object such as { scope: { orgId } } (got ${got}). Leave them out for the defaults.`,
      );
      await expect(refusal).rejects.toBeInstanceOf(InvalidOptionsError);
    }
  });
});
