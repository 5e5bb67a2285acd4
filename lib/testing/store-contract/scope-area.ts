import assert from 'node:assert/strict';
import { JobNotFoundError } from '../../errors.js';
import type { Scope } from '../../scope/scope.js';
import { type ContractArea, onStore } from './contract.js';
import {
  NO_SCOPE,
  SCOPE_A,
  SCOPE_B,
  SCOPE_C,
  claim,
  inScope,
  insertOne,
  jobInState,
  readJob,
  registerWorker,
} from './fixtures.js';

/** Scopes that are not SCOPE_A, some of them only just. */
const OTHERS: readonly Scope[] = [
  NO_SCOPE,
  SCOPE_B,
  SCOPE_C,
  { appId: 'app-1', orgId: '' },
  { appId: 'APP-1', orgId: 'org-a' },
];

/** A tenant does not see, count or touch what belongs to another. Lists, counts, logs and entries have cases of their own. */
export const scopeArea: ContractArea = {
  area: 'scopes',
  cases: [
    onStore('a job is read in its own scope, and without one', async (store) => {
      const { id } = await insertOne(store, inScope(SCOPE_A));
      assert.equal((await store.getJob(id, SCOPE_A))?.id, id);
      assert.equal((await store.getJob(id))?.id, id);
    }),
    onStore('a job is not read in another scope', async (store) => {
      const { id } = await insertOne(store, inScope(SCOPE_A));
      for (const other of OTHERS) assert.equal(await store.getJob(id, other), null);
      const plain = await insertOne(store);
      assert.equal(await store.getJob(plain.id, SCOPE_A), null);
      assert.equal((await store.getJob(plain.id, NO_SCOPE))?.id, plain.id);
    }),
    onStore('a job of another scope is not cancelled', async (store) => {
      const { id } = await insertOne(store, inScope(SCOPE_A));
      for (const other of OTHERS) await assert.rejects(store.cancelJob(id, other), JobNotFoundError);
      assert.equal((await readJob(store, id)).state, 'pending');
      assert.equal((await store.cancelJob(id, SCOPE_A)).kind, 'cancelled');
    }),
    onStore('a running job of another scope is not asked to cancel', async (store) => {
      const held = await jobInState(store, 'running', inScope(SCOPE_A));
      for (const other of OTHERS) await assert.rejects(store.cancelJob(held.id, other), JobNotFoundError);
      assert.equal((await readJob(store, held.id)).cancelRequestedAt, null);
    }),
    onStore('a job of another scope is not found, also where its state would refuse the action', async (store) => {
      const ended = await jobInState(store, 'completed', inScope(SCOPE_A));
      const running = await jobInState(store, 'running', inScope(SCOPE_A));
      await assert.rejects(store.cancelJob(ended.id, SCOPE_B), JobNotFoundError);
      await assert.rejects(store.retryJob(ended.id, SCOPE_B), JobNotFoundError);
      await assert.rejects(store.discardJob(running.id, SCOPE_B), JobNotFoundError);
    }),
    onStore('a job of another scope is not retried', async (store) => {
      const held = await jobInState(store, 'failed', inScope(SCOPE_A));
      for (const other of OTHERS) await assert.rejects(store.retryJob(held.id, other), JobNotFoundError);
      assert.equal((await readJob(store, held.id)).state, 'failed');
      assert.equal(await store.countDlq({ status: 'open' }), 1);
      assert.equal((await store.retryJob(held.id, SCOPE_A)).state, 'pending');
    }),
    onStore('a job of another scope is not discarded', async (store) => {
      const { id } = await insertOne(store, inScope(SCOPE_A));
      for (const other of OTHERS) await assert.rejects(store.discardJob(id, other), JobNotFoundError);
      assert.ok(await store.getJob(id));
      await store.discardJob(id, SCOPE_A);
      assert.equal(await store.getJob(id), null);
    }),
    onStore('workers claim jobs of every scope, and see whose they are', async (store) => {
      await insertOne(store, inScope(SCOPE_A));
      await insertOne(store, inScope(SCOPE_B));
      await insertOne(store);
      const { jobs } = await claim(store, await registerWorker(store));
      assert.deepEqual(
        jobs.map(({ scopeAppId, scopeOrgId }) => [scopeAppId, scopeOrgId]),
        [
          [SCOPE_A.appId, SCOPE_A.orgId],
          [SCOPE_B.appId, SCOPE_B.orgId],
          ['', ''],
        ],
      );
    }),
  ],
};
