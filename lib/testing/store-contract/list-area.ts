import assert from 'node:assert/strict';
import { InvalidOptionsError } from '../../errors.js';
import { type JobId, newJobId } from '../../id/ids.js';
import type { ListJobsOptions } from '../../job/job-store.js';
import { JOB_STATES } from '../../job/job-state.js';
import type { Store } from '../../store/store.js';
import { type ContractArea, onStore } from './contract.js';
import { SCOPE_A, SCOPE_B, idsOf, inScope, insertOne, jobInState, newJob, newJobs } from './fixtures.js';

/** Follows the pages of a list to its end; `between` runs after each page, with all ids so far. */
async function allIds(
  store: Store,
  options: ListJobsOptions,
  between: (listed: readonly string[]) => Promise<unknown> = async () => undefined,
): Promise<readonly string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  for (let page = 1; page <= 1_000; page++) {
    const result = await store.listJobs({ ...options, ...(cursor === undefined ? {} : { cursor }) });
    ids.push(...idsOf(result.jobs));
    await between(ids);
    if (result.nextCursor === undefined) return ids;
    cursor = result.nextCursor;
  }
  assert.fail('the list never ends');
}

/** Reading jobs: pages, filters, counts. */
export const listArea: ContractArea = {
  area: 'list and count',
  cases: [
    onStore('an empty store has an empty list without a cursor', async (store) => {
      const page = await store.listJobs();
      assert.deepEqual(page.jobs, []);
      assert.equal(page.nextCursor, undefined);
    }),
    onStore('the newest job comes first, or the oldest if asked for', async (store, clock) => {
      const ids: string[] = [];
      for (let n = 0; n < 5; n++) {
        ids.push((await insertOne(store)).id);
        await clock.advance(1);
      }
      assert.deepEqual(idsOf((await store.listJobs()).jobs), ids.toReversed());
      assert.deepEqual(idsOf((await store.listJobs({ order: 'desc' })).jobs), ids.toReversed());
      assert.deepEqual(idsOf((await store.listJobs({ order: 'asc' })).jobs), ids);
    }),
    onStore('created time decides before the id', async (store, clock) => {
      const [low, high] = [newJobId(), newJobId()];
      await insertOne(store, { id: high });
      await clock.advance(1);
      await insertOne(store, { id: low });
      assert.deepEqual(idsOf((await store.listJobs({ order: 'asc' })).jobs), [high, low]);
    }),
    onStore('a page has fifty jobs unless said otherwise, and at most a thousand', async (store) => {
      await store.insertJobs(newJobs(1_100));
      assert.equal((await store.listJobs()).jobs.length, 50);
      assert.equal((await store.listJobs({ limit: 1_000 })).jobs.length, 1_000);
      for (const limit of [1_001, -1, 1.5, Number.NaN]) {
        await assert.rejects(store.listJobs({ limit }), InvalidOptionsError, String(limit));
      }
    }),
    onStore('the last page has no cursor, also when it is full', async (store) => {
      await store.insertJobs(newJobs(6));
      const first = await store.listJobs({ limit: 3 });
      assert.ok(first.nextCursor);
      const second = await store.listJobs({ limit: 3, cursor: first.nextCursor });
      assert.equal(second.jobs.length, 3);
      assert.equal(second.nextCursor, undefined);
    }),
    onStore('three thousand jobs are paged without gaps or repeats, in both orders', async (store, clock) => {
      const ids: string[] = [];
      for (let batch = 0; batch < 6; batch++) {
        const jobs = newJobs(500);
        await store.insertJobs(jobs);
        ids.push(...idsOf(jobs));
        if (batch % 2) await clock.advance(1);
      }
      assert.deepEqual(await allIds(store, { limit: 333, order: 'asc' }), ids);
      assert.deepEqual(await allIds(store, { limit: 500, order: 'desc' }), ids.toReversed());
    }),
    onStore('jobs that come and go while a list is paged cause no gaps and no repeats', async (store, clock) => {
      const jobs = newJobs(200, { delayMs: 60_000 });
      await store.insertJobs(jobs);
      await clock.advance(1);
      const ids = idsOf(jobs).toReversed();
      const removed: string[] = [];
      const listed = await allIds(store, { limit: 10 }, async (soFar) => {
        await store.insertJobs(newJobs(3));
        const seen = ids.indexOf(soFar.at(-1) as JobId);
        await store.discardJob(ids[seen]!);
        const coming = ids[seen + 5];
        if (coming === undefined) return;
        removed.push(coming);
        await store.discardJob(coming);
      });
      assert.ok(removed.length > 10);
      assert.equal(new Set(listed).size, listed.length, 'no repeats');
      assert.deepEqual(
        listed,
        ids.filter((id) => !removed.includes(id)),
      );
    }),
    onStore('a page starts after its offset', async (store) => {
      const jobs = newJobs(10);
      await store.insertJobs(jobs);
      const page = await store.listJobs({ order: 'asc', offset: 4, limit: 3 });
      assert.deepEqual(idsOf(page.jobs), idsOf(jobs.slice(4, 7)));
      const next = await store.listJobs({ order: 'asc', limit: 10, cursor: page.nextCursor! });
      assert.deepEqual(idsOf(next.jobs), idsOf(jobs.slice(7)));
      assert.deepEqual((await store.listJobs({ offset: 10 })).jobs, []);
      for (const offset of [-1, 1e300]) await assert.rejects(store.listJobs({ offset }), InvalidOptionsError);
    }),
    onStore('an order that is none is refused, and never becomes part of a statement', async (store) => {
      await store.insertJobs(newJobs(3));
      for (const order of ['desc, pg_sleep(9)', 'ASC', '', null]) {
        await assert.rejects(store.listJobs({ order: order as never }), InvalidOptionsError, JSON.stringify(order));
      }
    }),
    onStore('a cursor that is none of ours is refused', async (store) => {
      await store.insertJobs(newJobs(3));
      for (const cursor of ['nonsense', '', Buffer.from("1:job_' or 1=1").toString('base64url')]) {
        await assert.rejects(store.listJobs({ cursor }), InvalidOptionsError, JSON.stringify(cursor));
      }
    }),
    onStore('filters by state', async (store) => {
      const ids = new Map<string, string>();
      for (const state of JOB_STATES) ids.set(state, (await jobInState(store, state)).id);
      for (const state of JOB_STATES) {
        assert.deepEqual(idsOf((await store.listJobs({ states: [state] })).jobs), [ids.get(state)], state);
      }
      const { jobs } = await store.listJobs({ states: ['failed', 'running'], order: 'asc' });
      assert.deepEqual(jobs.map(({ state }) => state).toSorted(), ['failed', 'running']);
      assert.equal((await store.listJobs({ states: [...JOB_STATES] })).jobs.length, JOB_STATES.length);
    }),
    onStore('filters by queue and by name', async (store) => {
      const a = await insertOne(store, { queue: 'a', name: 'x' });
      const b = await insertOne(store, { queue: 'a', name: 'y' });
      const c = await insertOne(store, { queue: 'b', name: 'x' });
      assert.deepEqual(idsOf((await store.listJobs({ queue: 'a', order: 'asc' })).jobs), [a.id, b.id]);
      assert.deepEqual(idsOf((await store.listJobs({ name: 'x', order: 'asc' })).jobs), [a.id, c.id]);
      assert.deepEqual(idsOf((await store.listJobs({ queue: 'b', name: 'y' })).jobs), []);
    }),
    onStore('filters by created time, from `since` on and before `until`', async (store, clock) => {
      const jobs: { readonly id: string; readonly at: number }[] = [];
      for (let n = 0; n < 4; n++) {
        jobs.push({ id: (await insertOne(store)).id, at: clock.now() });
        await clock.advance(10);
      }
      const page = await store.listJobs({ since: jobs[1]!.at, until: jobs[3]!.at, order: 'asc' });
      assert.deepEqual(idsOf(page.jobs), [jobs[1]!.id, jobs[2]!.id]);
    }),
    onStore('filters by scope, exactly', async (store) => {
      const plain = await insertOne(store);
      const inA = await insertOne(store, inScope(SCOPE_A));
      await insertOne(store, inScope(SCOPE_B));
      const half = await insertOne(store, { scopeAppId: 'app-1' });
      const list = async (appId: string, orgId: string) =>
        idsOf((await store.listJobs({ scope: { appId, orgId } })).jobs);
      assert.deepEqual(await list('', ''), [plain.id]);
      assert.deepEqual(await list(SCOPE_A.appId, SCOPE_A.orgId), [inA.id]);
      assert.deepEqual(await list('app-1', ''), [half.id]);
      assert.equal((await store.listJobs()).jobs.length, 4, 'without a scope all are listed');
    }),
    onStore('pages keep to their filters', async (store) => {
      const jobs = Array.from({ length: 40 }, (_, n) =>
        newJob({ queue: n % 2 ? 'odd' : 'even', ...inScope(n % 4 < 2 ? SCOPE_A : SCOPE_B) }),
      );
      await store.insertJobs(jobs);
      const expected = jobs.filter(({ queue, scopeOrgId }) => queue === 'odd' && scopeOrgId === SCOPE_A.orgId);
      const listed = await allIds(store, { queue: 'odd', scope: SCOPE_A, states: ['pending'], order: 'asc', limit: 3 });
      assert.deepEqual(listed, idsOf(expected));
    }),
    onStore('counts by state, with a zero for those that do not occur', async (store) => {
      assert.deepEqual({ ...(await store.countJobs()) }, Object.fromEntries(JOB_STATES.map((state) => [state, 0])));
      for (const state of JOB_STATES) await jobInState(store, state);
      await insertOne(store);
      const expected = { ...Object.fromEntries(JOB_STATES.map((state) => [state, 1])), pending: 2 };
      assert.deepEqual({ ...(await store.countJobs()) }, expected);
    }),
    onStore('counts keep to queue, name, time and scope', async (store, clock) => {
      await store.insertJobs([newJob({ queue: 'a', name: 'x' }), newJob({ queue: 'b', name: 'x' })]);
      await clock.advance(10);
      const later = clock.now();
      await store.insertJobs([newJob({ queue: 'a', name: 'y', ...inScope(SCOPE_A) }), ...newJobs(2, inScope(SCOPE_B))]);
      const pending = async (options: Parameters<Store['countJobs']>[0]) => (await store.countJobs(options)).pending;
      assert.equal(await pending({ queue: 'a' }), 2);
      assert.equal(await pending({ name: 'x' }), 2);
      assert.equal(await pending({ queue: 'a', name: 'x' }), 1);
      assert.equal(await pending({ since: later }), 3);
      assert.equal(await pending({ until: later }), 2);
      assert.equal(await pending({ scope: SCOPE_B }), 2);
      assert.equal(await pending({ scope: SCOPE_A, queue: 'a' }), 1);
    }),
  ],
};
