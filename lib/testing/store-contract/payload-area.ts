import assert from 'node:assert/strict';
import type { JobHeaders } from '../../job/job-record.js';
import { type ContractArea, type ContractCase, onStore } from './contract.js';
import {
  claim,
  claimOne,
  completed,
  failJob,
  failed,
  insertOne,
  newJobs,
  readJob,
  registerWorker,
  retry,
  settle,
  startJob,
} from './fixtures.js';

/** Text that databases and drivers like to change. */
const AWKWARD = {
  'a quote, a backslash and a percent sign': `'";--\\ %_ $1 ? :name`,
  'line ends and tabs': 'a\r\nb\nc\td\u2028e\u2029',
  'many scripts': 'ÄÖß Ελληνικά 日本語 العربية עברית हिन्दी',
  'emoji and combined characters': '👩‍👩‍👧‍👦🏳️‍🌈 e\u0301 \u{1F9D1}\u{1F3FD}',
  'leading and trailing space': '  \u00a0text\u00a0  ',
  'a NUL': 'before\u0000after',
  'control characters': '\u0001\u0007\u001b\u007f\u0085',
  'half a surrogate pair': 'x\ud83dx',
  'a byte order mark': '\ufefftext',
  'words that look like something else': 'null true 1e999 NaN 0123 {} []',
} as const;

function roundTripCases(): readonly ContractCase[] {
  return Object.entries(AWKWARD).map(([what, text]) =>
    onStore(`${what} survive in payload, headers, result, errors and progress`, async (store, clock) => {
      const payload = JSON.stringify({ text, [text]: [text] });
      const headers: JobHeaders = { 'x-text': text };
      const held = await startJob(store, { payload, headers });
      assert.equal(held.job.payload, payload);
      assert.deepEqual(held.job.headers, headers);
      await store.reportJobs(held.workerId, [{ id: held.id, attempt: 1, progress: payload }]);
      const error = { name: 'Error', message: text, stack: text, details: { text: [text] } };
      await settle(store, held, { kind: 'retry', delayMs: 0, error });
      await settle(store, await claimOne(store, held.workerId), completed(payload));
      const job = await readJob(store, held.id);
      assert.deepEqual([job.payload, job.result, job.progress], [payload, payload, payload]);
      assert.deepEqual(job.headers, headers);
      assert.deepEqual(job.errors, [{ ...error, attempt: 1, at: clock.now() }]);
    }),
  );
}

/** What is stored is what comes back, and nothing is not something. */
export const payloadArea: ContractArea = {
  area: 'payloads',
  cases: [
    ...roundTripCases(),
    onStore('no payload, an empty text and an encoded null are three things', async (store) => {
      for (const payload of [null, '', 'null', '""', '{}', '0']) {
        const held = await startJob(store, { payload });
        assert.equal(held.job.payload, payload, 'as claimed');
        assert.equal((await readJob(store, held.id)).payload, payload, 'as read');
        await settle(store, held, completed(payload));
        assert.equal((await readJob(store, held.id)).result, payload, 'as a result');
      }
    }),
    onStore('the same three things in a dead-letter entry and its replay', async (store) => {
      const worker = await registerWorker(store);
      for (const payload of [null, '', 'null']) {
        const { jobId, dlqId } = await failJob(store, { payload });
        assert.equal((await store.getDlqEntry(dlqId))?.payload, payload);
        await store.retryJob(jobId);
        assert.equal((await claim(store, worker)).jobs[0]?.payload, payload);
      }
    }),
    onStore('no headers and empty headers are two things, and so with backoff and keys', async (store) => {
      const none = await insertOne(store, { headers: null, groupKey: null });
      const empty = await insertOne(store, { headers: {}, groupKey: '' });
      assert.deepEqual(
        [(await readJob(store, none.id)).headers, (await readJob(store, none.id)).groupKey],
        [null, null],
      );
      assert.deepEqual([(await readJob(store, empty.id)).headers, (await readJob(store, empty.id)).groupKey], [{}, '']);
    }),
    onStore('a text that is no JSON is stored as it is: the codec is not the store’s business', async (store) => {
      const payload = 'AAEC/w== not json';
      const held = await startJob(store, { payload, codec: 'base64' });
      assert.deepEqual([held.job.payload, held.job.codec], [payload, 'base64']);
    }),
    onStore('a text of JSON is not reformatted', async (store) => {
      const payload = '{"b" : 1.0, "a":1e2,\n "b":2, "big":12345678901234567890}';
      const held = await startJob(store, { payload });
      assert.equal(held.job.payload, payload);
      await settle(store, held, completed(payload));
      assert.equal((await readJob(store, held.id)).result, payload);
    }),
    onStore('a megabyte survives as payload and as result', async (store) => {
      const payload = JSON.stringify('🙂x'.repeat(209_710));
      assert.ok(Buffer.byteLength(payload) <= 1_048_576 && Buffer.byteLength(payload) > 1_048_000);
      const held = await startJob(store, { payload });
      assert.ok(held.job.payload === payload);
      await settle(store, held, completed(payload));
      const job = await readJob(store, held.id);
      assert.ok(job.payload === payload && job.result === payload);
    }),
    onStore('a batch of twenty megabytes is inserted, claimed and settled', async (store) => {
      const text = JSON.stringify('y'.repeat(1_000_000));
      await store.insertJobs(newJobs(20, { payload: text }));
      const worker = await registerWorker(store);
      const { jobs } = await claim(store, worker);
      assert.ok(jobs.length === 20 && jobs.every(({ payload }) => payload === text));
      const settlements = jobs.map(({ id, attempt }) => ({ id, attempt, outcome: completed(text) }));
      assert.deepEqual((await store.settleJobs(worker, settlements)).lost, []);
    }),
    onStore('an awkward job does not spoil the batch that it is settled in', async (store) => {
      const worker = await registerWorker(store);
      const held = [
        await startJob(store, {}, worker),
        await startJob(store, {}, worker),
        await startJob(store, {}, worker),
      ];
      const outcomes = [completed('"\\u0000"'), failed(undefined, 'a\u0000b'), retry(60_000, '\ud83d')];
      const settlements = held.map(({ id, attempt }, n) => ({ id, attempt, outcome: outcomes[n]! }));
      assert.deepEqual((await store.settleJobs(worker, settlements)).lost, []);
      const states = await Promise.all(held.map(async ({ id }) => (await readJob(store, id)).state));
      assert.deepEqual(states, ['completed', 'failed', 'retrying']);
    }),
    onStore('awkward texts in names, queues, keys and scopes are found again', async (store) => {
      const text = `'; drop table x; -- "日本" \\ %`;
      const job = await insertOne(store, {
        name: text,
        queue: text,
        uniqueKey: text,
        scopeAppId: text,
        scopeOrgId: text,
      });
      const scope = { appId: text, orgId: text };
      const { jobs } = await store.listJobs({ name: text, queue: text, scope });
      assert.deepEqual(
        jobs.map(({ id }) => id),
        [job.id],
      );
      const claimed = await claim(store, await registerWorker(store), {
        names: [text],
        queues: [{ queue: text, limit: 1 }],
      });
      assert.equal(claimed.jobs[0]?.id, job.id);
    }),
  ],
};
