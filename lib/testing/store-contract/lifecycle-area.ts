import assert from 'node:assert/strict';
import { StoreClosedError } from '../../errors.js';
import { newDlqId, newEventId, newJobId, newRunId, newWorkerId } from '../../id/ids.js';
import type { Store, Wake } from '../../store/store.js';
import type { RunCommit } from '../../workflow/run-commit.js';
import { type ContractArea, onStore, onTwoStores } from './contract.js';
import { claim, completed, insertOne, newJob, newWorker, settle } from './fixtures.js';
import { claimRuns, newEvent, newRun } from './run-fixtures.js';

/** One call of every method that reaches the database. */
const CALLS: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  insertJobs: (store) => store.insertJobs([newJob()]),
  claimJobs: (store) => claim(store, newWorkerId()),
  settleJobs: (store) => settle(store, { id: newJobId(), attempt: 1, workerId: newWorkerId() }, completed()),
  reportJobs: (store) => store.reportJobs(newWorkerId(), [{ id: newJobId(), attempt: 1, progress: '1' }]),
  rescueJobs: (store) => store.rescueJobs({ limit: 1, newDlqId: () => newDlqId() }),
  cancelJob: (store) => store.cancelJob(newJobId()),
  retryJob: (store) => store.retryJob(newJobId()),
  discardJob: (store) => store.discardJob(newJobId()),
  getJob: (store) => store.getJob(newJobId()),
  listJobs: (store) => store.listJobs(),
  countJobs: (store) => store.countJobs(),
  listJobLogs: (store) => store.listJobLogs(newJobId()),
  pruneJobs: (store) => store.pruneJobs({ state: 'completed', olderThanMs: 0, limit: 1 }),
  listDlq: (store) => store.listDlq(),
  getDlqEntry: (store) => store.getDlqEntry(newDlqId()),
  countDlq: (store) => store.countDlq(),
  replayDlqEntry: (store) => store.replayDlqEntry(newDlqId(), { jobId: newJobId() }),
  purgeDlq: (store) => store.purgeDlq({ olderThanMs: 0, limit: 1 }),
  registerWorker: (store) => store.registerWorker(newWorker(), 1_000),
  heartbeat: (store) => store.heartbeat({ workerId: newWorkerId(), leaseMs: 1_000, running: [] }),
  drainWorker: (store) => store.drainWorker(newWorkerId()),
  deregisterWorker: (store) => store.deregisterWorker(newWorkerId()),
  listWorkers: (store) => store.listWorkers(),
  pruneWorkers: (store) => store.pruneWorkers({ deadForMs: 0, limit: 1 }),
  insertRuns: (store) => store.insertRuns([newRun()]),
  claimRuns: (store) => claimRuns(store, newWorkerId()),
  listHeldRuns: (store) => store.listHeldRuns(newWorkerId()),
  loadHistory: (store) => store.loadHistory(newWorkerId(), [{ id: newRunId(), attempt: 1 }]),
  loadWaits: (store) => store.loadWaits(newWorkerId(), [{ id: newRunId(), attempt: 1 }]),
  commitRuns: (store) => store.commitRuns(newWorkerId(), [unheldCommit()]),
  rescueRuns: (store) => store.rescueRuns({ limit: 1 }),
  cancelRun: (store) => store.cancelRun(newRunId(), { mode: 'stop' }),
  retryRun: (store) => store.retryRun(newRunId()),
  resumeRun: (store) => store.resumeRun(newRunId()),
  replayRun: (store) => store.replayRun(newRunId(), 'step:a'),
  migrateRun: (store) => store.migrateRun(newRunId(), 2),
  getRun: (store) => store.getRun(newRunId()),
  listRuns: (store) => store.listRuns(),
  countRuns: (store) => store.countRuns(),
  listCheckpoints: (store) => store.listCheckpoints(newRunId()),
  pruneRuns: (store) => store.pruneRuns({ state: 'completed', olderThanMs: 0, limit: 1 }),
  publishEvents: (store) => store.publishEvents([newEvent()]),
  matchEvents: (store) => store.matchEvents({ limit: 1 }),
  getEvent: (store) => store.getEvent(newEventId()),
  listEvents: (store) => store.listEvents(),
  pruneEvents: (store) => store.pruneEvents({ limit: 1 }),
  migrate: (store) => store.migrate(),
  migrations: (store) => store.migrations(),
  ping: (store) => store.ping(),
  transaction: (store) => store.transaction(async () => undefined),
};

function unheldCommit(): RunCommit {
  const nothing = { parentRunId: null, checkpoints: [], waits: [], children: [], next: null, look: false };
  return { runId: newRunId(), attempt: 1, generation: 1, ...nothing };
}

/** Opening, migrating, closing. */
export const lifecycleArea: ContractArea = {
  area: 'opening and closing',
  cases: [
    onStore('a store has a name for logs', async (store) => {
      assert.match(store.kind, /^[a-z][a-z0-9-]*$/);
    }),
    onStore('a ping tells the time of the store', async (store, clock) => {
      assert.equal(await store.ping(), clock.now());
      await clock.advance(77);
      assert.equal(await store.ping(), clock.now());
    }),
    onStore('migrating again is fine and keeps the data, and a check finds nothing missing', async (store) => {
      const { id } = await insertOne(store);
      await store.migrate();
      await store.migrate('auto');
      await store.migrate('check');
      await store.migrate('off');
      assert.ok(await store.getJob(id));
      for (const { name, appliedAt } of await store.migrations()) assert.ok(appliedAt !== null, name);
    }),
    onStore('a closed store refuses every call', async (store) => {
      await store.close();
      for (const [name, call] of Object.entries(CALLS)) {
        await assert.rejects(
          async () => call(store),
          (error) => error instanceof StoreClosedError,
          name,
        );
      }
    }),
    onStore('closing twice, also at the same time, is fine', async (store) => {
      await Promise.all([store.close(), store.close()]);
      await store.close();
    }),
    onTwoStores('closing one store leaves the other at work, and its listeners hear no more', async (first, second) => {
      const heard: Wake[] = [];
      first.onWake((wake) => heard.push(wake));
      await first.close();
      heard.length = 0;
      const { id } = await insertOne(second);
      assert.equal((await second.getJob(id))?.state, 'pending');
      assert.deepEqual(heard, []);
    }),
    onTwoStores('two stores may migrate at the same time', async (first, second) => {
      await Promise.all([first.migrate(), second.migrate(), first.migrate()]);
      await insertOne(second);
    }),
  ],
};
