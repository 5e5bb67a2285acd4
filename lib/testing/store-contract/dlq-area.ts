import assert from 'node:assert/strict';
import { DlqEntryNotFoundError, InvalidOptionsError, InvalidStateError } from '../../errors.js';
import { newDlqId, newJobId } from '../../id/ids.js';
import { type ContractArea, onStore } from './contract.js';
import {
  SCOPE_A,
  SCOPE_B,
  claimIds,
  claimOne,
  failJob,
  failed,
  inScope,
  readJob,
  registerWorker,
  settle,
} from './fixtures.js';

/** The dead-letter queue. Its entries are written by `settle` and `rescue`, and tested there. */
export const dlqArea: ContractArea = {
  area: 'dead letters',
  cases: [
    onStore('the newest failure is listed first, in pages without gaps or repeats', async (store, clock) => {
      const ids: string[] = [];
      for (let n = 0; n < 25; n++) {
        ids.push((await failJob(store)).dlqId);
        if (n % 3) await clock.advance(1);
      }
      const listed: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.listDlq({ limit: 4, ...(cursor === undefined ? {} : { cursor }) });
        listed.push(...page.entries.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== undefined && listed.length < 100);
      assert.deepEqual(listed, ids.toReversed());
      const offset = await store.listDlq({ offset: 20 });
      assert.deepEqual(
        offset.entries.map(({ id }) => id),
        ids.toReversed().slice(20),
      );
    }),
    onStore('a bad cursor or limit is refused', async (store) => {
      await failJob(store);
      await assert.rejects(store.listDlq({ cursor: 'nonsense' }), InvalidOptionsError);
      await assert.rejects(store.listDlq({ limit: 1_001 }), InvalidOptionsError);
      await assert.rejects(store.listDlq({ offset: -1 }), InvalidOptionsError);
    }),
    onStore('a cursor of the list of jobs is refused, and so is one of this list there', async (store) => {
      await failJob(store);
      await failJob(store);
      const { nextCursor: ofJobs } = await store.listJobs({ limit: 1 });
      const { nextCursor: ofEntries } = await store.listDlq({ limit: 1 });
      assert.ok(ofJobs !== undefined && ofEntries !== undefined);
      await assert.rejects(store.listDlq({ cursor: ofJobs }), InvalidOptionsError);
      await assert.rejects(store.listJobs({ cursor: ofEntries }), InvalidOptionsError);
      assert.equal((await store.listDlq({ cursor: ofEntries })).entries.length, 1);
      assert.equal((await store.listJobs({ cursor: ofJobs })).jobs.length, 1);
    }),
    onStore('entries are filtered and counted by queue, name, status and scope', async (store) => {
      const a = await failJob(store, { queue: 'a', name: 'x', ...inScope(SCOPE_A) });
      const b = await failJob(store, { queue: 'b', name: 'x', ...inScope(SCOPE_B) });
      const c = await failJob(store, { queue: 'a', name: 'y' });
      await store.replayDlqEntry(b.dlqId, { jobId: newJobId() });
      const expected = [
        [{}, [a, b, c]],
        [{ queue: 'a' }, [a, c]],
        [{ name: 'x' }, [a, b]],
        [{ status: 'open' }, [a, c]],
        [{ status: 'replayed' }, [b]],
        [{ scope: SCOPE_A }, [a]],
        [{ scope: { appId: '', orgId: '' } }, [c]],
        [{ scope: SCOPE_B, status: 'open' }, []],
      ] as const;
      for (const [filter, entries] of expected) {
        const listed = (await store.listDlq(filter)).entries.map(({ id }) => id as string);
        assert.deepEqual(
          listed.toSorted(),
          entries.map(({ dlqId }) => dlqId as string).toSorted(),
          JSON.stringify(filter),
        );
        assert.equal(await store.countDlq(filter), entries.length, JSON.stringify(filter));
      }
    }),
    onStore('an entry that does not exist is not found', async (store) => {
      assert.equal(await store.getDlqEntry(newDlqId()), null);
      await assert.rejects(store.replayDlqEntry(newDlqId(), { jobId: newJobId() }), DlqEntryNotFoundError);
    }),
    onStore('a replay inserts a new job like the old one, and closes the entry', async (store, clock) => {
      const { jobId: oldId, dlqId } = await failJob(store, {
        queue: 'mail',
        name: 'x',
        payload: '[1]',
        codec: 'other',
        priority: 6,
        timeoutMs: 55,
        maxRetries: 2,
        backoff: { type: 'constant', initial: 5 },
        groupKey: 'group',
        headers: { a: 'b' },
        uniqueKey: 'key',
        ...inScope(SCOPE_A),
      });
      await clock.advance(1_000);
      const jobId = newJobId();
      const job = await store.replayDlqEntry(dlqId, { jobId });
      const now = clock.now();
      assert.deepEqual(job, await readJob(store, jobId));
      const old = await readJob(store, oldId);
      assert.equal(old.state, 'failed', 'the old job stays as it is');
      assert.deepEqual(
        { ...job },
        {
          ...old,
          id: jobId,
          state: 'pending',
          runAt: now,
          attempt: 0,
          retryCount: 0,
          errors: [],
          result: null,
          progress: null,
          uniqueKey: null,
          uniqueUntil: null,
          startedAt: null,
          completedAt: null,
          createdAt: now,
          updatedAt: now,
        },
      );
      const entry = await store.getDlqEntry(dlqId);
      assert.deepEqual([entry?.replayedAt, entry?.replayJobId], [now, jobId]);
    }),
    onStore('a replayed job runs, and fails into an entry of its own', async (store) => {
      const { dlqId } = await failJob(store);
      const jobId = newJobId();
      await store.replayDlqEntry(dlqId, { jobId });
      const held = await claimOne(store, await registerWorker(store));
      assert.equal(held.id, jobId);
      const next = newDlqId();
      await settle(store, held, failed(next));
      assert.equal((await store.getDlqEntry(next))?.jobId, jobId);
      assert.equal((await store.getDlqEntry(next))?.retryCount, 1);
    }),
    onStore('a replay may bring another payload, also none', async (store) => {
      const changed = await failJob(store);
      const job = await store.replayDlqEntry(changed.dlqId, {
        jobId: newJobId(),
        payload: { text: '"b"', codec: 'c2' },
      });
      assert.deepEqual([job.payload, job.codec], ['"b"', 'c2']);
      assert.notEqual((await store.getDlqEntry(changed.dlqId))?.payload, '"b"', 'the entry keeps what failed');
      await claimIds(store, await registerWorker(store));
      const removed = await failJob(store);
      const empty = await store.replayDlqEntry(removed.dlqId, {
        jobId: newJobId(),
        payload: { text: null, codec: 'json' },
      });
      assert.equal(empty.payload, null);
    }),
    onStore('an entry is replayed once, unless forced', async (store, clock) => {
      const { dlqId } = await failJob(store);
      const [first, second, third] = [newJobId(), newJobId(), newJobId()];
      await store.replayDlqEntry(dlqId, { jobId: first });
      await assert.rejects(store.replayDlqEntry(dlqId, { jobId: second }), InvalidStateError);
      assert.equal(await store.getJob(second), null);
      assert.equal((await store.getDlqEntry(dlqId))?.replayJobId, first);
      await clock.advance(5);
      await store.replayDlqEntry(dlqId, { jobId: third, force: true });
      assert.equal((await readJob(store, third)).state, 'pending');
      const entry = await store.getDlqEntry(dlqId);
      assert.deepEqual([entry?.replayJobId, entry?.replayedAt], [third, clock.now()]);
    }),
    onStore('an entry that was closed by a retry of its job counts as replayed', async (store) => {
      const { jobId, dlqId } = await failJob(store);
      await store.retryJob(jobId);
      await assert.rejects(store.replayDlqEntry(dlqId, { jobId: newJobId() }), InvalidStateError);
    }),
    onStore('a replay whose job cannot be inserted leaves the entry open', async (store) => {
      const { jobId, dlqId } = await failJob(store);
      await assert.rejects(store.replayDlqEntry(dlqId, { jobId }), 'the id is taken');
      assert.equal((await store.getDlqEntry(dlqId))?.replayedAt, null);
      assert.equal((await readJob(store, jobId)).state, 'failed');
    }),
    onStore('an entry of another scope is not found', async (store) => {
      const { dlqId } = await failJob(store, inScope(SCOPE_A));
      assert.equal(await store.getDlqEntry(dlqId, SCOPE_B), null);
      assert.ok(await store.getDlqEntry(dlqId, SCOPE_A));
      await assert.rejects(store.replayDlqEntry(dlqId, { jobId: newJobId(), scope: SCOPE_B }), DlqEntryNotFoundError);
      assert.equal((await store.getDlqEntry(dlqId))?.replayedAt, null);
      const job = await store.replayDlqEntry(dlqId, { jobId: newJobId(), scope: SCOPE_A });
      assert.equal(job.scopeOrgId, SCOPE_A.orgId);
    }),
    onStore('a purge deletes entries that are old enough, replayed or not', async (store, clock) => {
      const old = await failJob(store);
      const replayed = await failJob(store);
      await store.replayDlqEntry(replayed.dlqId, { jobId: newJobId() });
      await claimIds(store, await registerWorker(store));
      await clock.advance(10_000);
      const young = await failJob(store);
      await clock.advance(1_000);
      assert.equal(await store.purgeDlq({ olderThanMs: 60_000, limit: 10 }), 0);
      assert.equal(await store.purgeDlq({ olderThanMs: 5_000, limit: 10 }), 2);
      assert.equal(await store.getDlqEntry(old.dlqId), null);
      assert.ok(await store.getDlqEntry(young.dlqId));
      assert.ok(await store.getJob(old.jobId), 'the job itself stays');
    }),
    onStore('a purge keeps to its limit and its scope', async (store, clock) => {
      for (let n = 0; n < 3; n++) await failJob(store, inScope(SCOPE_A));
      await failJob(store, inScope(SCOPE_B));
      await clock.advance(10_000);
      assert.equal(await store.purgeDlq({ olderThanMs: 1, limit: 2, scope: SCOPE_A }), 2);
      assert.equal(await store.purgeDlq({ olderThanMs: 1, limit: 2, scope: SCOPE_A }), 1);
      assert.equal(await store.purgeDlq({ olderThanMs: 1, limit: 2, scope: SCOPE_A }), 0);
      assert.equal(await store.countDlq(), 1);
    }),
  ],
};
