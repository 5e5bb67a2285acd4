import assert from 'node:assert/strict';
import { newEventId } from '../../id/ids.js';
import type { Store } from '../../store/store.js';
import { type ContractArea, onStore, onTwoStores } from './contract.js';
import { SCOPE_A, SCOPE_B, idsOf, inScope, registerWorker, until } from './fixtures.js';
import {
  checkpoint,
  claimRun,
  claimRuns,
  commit,
  eventWait,
  isDue,
  newEvent,
  newRuns,
  park,
  readRun,
  startRun,
} from './run-fixtures.js';

const EVENT = 'payment.received';

async function eventsOf(store: Store, run: Awaited<ReturnType<typeof startRun>>): Promise<readonly string[]> {
  return idsOf((await store.loadWaits(run.workerId, [run])).get(run.id)!.events);
}

/** Events meeting the waits of runs. */
export const workflowEventArea: ContractArea = {
  area: 'workflows: events',
  cases: [
    onStore('an event wakes the parked run that waits for it', async (store, clock) => {
      const run = await startRun(store);
      await park(store, run, [eventWait(EVENT)]);
      assert.equal(await isDue(store, run.id, clock.now()), false);
      assert.equal((await readRun(store, run.id)).wakeAt, null);
      const event = newEvent();
      await store.publishEvents([event]);
      assert.equal(await isDue(store, run.id, clock.now()), true);
      const again = await claimRun(store, run.id);
      const history = (await store.loadHistory(again.workerId, [again])).get(run.id)!;
      const { ttlMs, ...facts } = event;
      assert.deepEqual(history.events, [{ ...facts, createdAt: clock.now(), expiresAt: clock.now() + ttlMs }]);
    }),
    onStore('an event that came before the run waited for it is found when it parks', async (store, clock) => {
      const run = await startRun(store);
      await store.publishEvents([newEvent()]);
      await park(store, run, [eventWait(EVENT)]);
      assert.equal(await isDue(store, run.id, clock.now()), true);
    }),
    onStore('a run that goes on is told what has come of its waits', async (store) => {
      const run = await startRun(store);
      const early = newEvent();
      await store.publishEvents([early]);
      const { open } = await commit(store, run, { waits: [eventWait(EVENT)], look: true });
      assert.deepEqual(idsOf(open.get(run.id)!.events), [early.id]);
      const late = newEvent();
      await store.publishEvents([late]);
      assert.deepEqual(await eventsOf(store, run), [early.id, late.id].toSorted());
    }),
    onStore('events come in the order of their publication', async (store, clock) => {
      const run = await startRun(store);
      const ids: string[] = [];
      for (let n = 0; n < 3; n++) {
        const event = newEvent();
        ids.push(event.id);
        await store.publishEvents([event]);
        await clock.advance(5);
      }
      const { open } = await commit(store, run, { waits: [eventWait(EVENT)], look: true });
      assert.deepEqual(idsOf(open.get(run.id)!.events), ids);
    }),
    onStore('only events of the name, key, run, scope and time count', async (store, clock) => {
      const before = newEvent({ key: 'order-1', ...inScope(SCOPE_A) });
      await store.publishEvents([before]);
      await clock.advance(1_000);
      const run = await startRun(store, inScope(SCOPE_A));
      const other = await startRun(store, inScope(SCOPE_A), run.workerId);
      const right = { key: 'order-1', ...inScope(SCOPE_A) };
      const good = [newEvent(right), newEvent({ ...right, runId: run.id })];
      await store.publishEvents([
        ...good,
        newEvent({ ...right, name: 'other' }),
        newEvent({ ...right, key: 'order-2' }),
        newEvent({ ...right, key: null }),
        newEvent({ ...right, runId: other.id }),
        newEvent({ ...right, ...inScope(SCOPE_B) }),
        newEvent({ ...right, scopeAppId: '', scopeOrgId: '' }),
        newEvent({ ...right, ttlMs: 10 }),
      ]);
      await clock.advance(10);
      await commit(store, run, { waits: [eventWait(EVENT, { eventKey: 'order-1' })] });
      assert.deepEqual((await eventsOf(store, run)).toSorted(), idsOf(good).toSorted());
      await commit(store, run, { checkpoints: [checkpoint(`event:${EVENT}`, 1)] });
      const lookback = eventWait(EVENT, { eventKey: 'order-1', lookbackMs: 1_000, key: 'event:b' });
      await commit(store, run, { waits: [lookback] });
      assert.ok((await eventsOf(store, run)).includes(before.id), 'older ones with lookback');
    }),
    onStore('a wait without a key takes events of any key', async (store) => {
      const run = await startRun(store);
      await store.publishEvents([newEvent({ key: 'a' }), newEvent({ key: null })]);
      await commit(store, run, { waits: [eventWait(EVENT)] });
      assert.equal((await eventsOf(store, run)).length, 2);
    }),
    onStore('an event is consumed once by a run, and by every run', async (store) => {
      const worker = await registerWorker(store);
      const [first, second] = [await startRun(store, {}, worker), await startRun(store, {}, worker)];
      const event = newEvent();
      await store.publishEvents([event]);
      const consumed = checkpoint(`event:${EVENT}`, 1, { eventId: event.id });
      await commit(store, first, { checkpoints: [consumed], waits: [eventWait(EVENT, { key: 'event:again' })] });
      assert.deepEqual(await eventsOf(store, first), []);
      await commit(store, second, { waits: [eventWait(EVENT)] });
      assert.deepEqual(await eventsOf(store, second), [event.id]);
    }),
    onStore('a rejected event does not come again, nor wake the run', async (store, clock) => {
      const run = await startRun(store);
      const event = newEvent();
      await store.publishEvents([event]);
      await commit(store, run, { waits: [eventWait(EVENT)] });
      await park(store, run, [eventWait(EVENT, { rejected: [event.id] })]);
      assert.equal(await isDue(store, run.id, clock.now()), false);
      await store.publishEvents([newEvent()]);
      assert.equal(await isDue(store, run.id, clock.now()), true);
    }),
    onStore('an event for a held run is signalled to its worker', async (store) => {
      const run = await startRun(store);
      await commit(store, run, { waits: [eventWait(EVENT)] });
      const heard: string[] = [];
      store.onWake((wake) => {
        if (wake.kind === 'signal') heard.push(...wake.runIds);
      });
      await store.publishEvents([newEvent()]);
      await until('the signal', () => heard.includes(run.id));
    }),
    onStore('a wake-up tells the workflow of a woken run', async (store) => {
      const run = await startRun(store);
      await park(store, run, [eventWait(EVENT)]);
      const heard: string[] = [];
      store.onWake((wake) => {
        if (wake.kind === 'runs' && wake.inMs === undefined) heard.push(...wake.names);
      });
      await store.publishEvents([newEvent()]);
      await until('the wake-up', () => heard.includes(run.name));
    }),
    onStore('a publish whose answer was lost can be repeated', async (store) => {
      const event = newEvent();
      await store.publishEvents([event]);
      await store.publishEvents([event], { retry: true });
      await assert.rejects(store.publishEvents([event]), 'without retry the id is taken');
      assert.equal((await store.listEvents()).events.length, 1);
    }),
    onStore('events are read, listed by filter and page, and pruned when they have expired', async (store, clock) => {
      const events = [
        newEvent({ key: 'a', ...inScope(SCOPE_A) }),
        newEvent({ name: 'other' }),
        newEvent({ ttlMs: 10 }),
      ];
      for (const event of events) {
        await store.publishEvents([event]);
        await clock.advance(1);
      }
      const ids = idsOf(events);
      assert.equal((await store.getEvent(ids[0]!))?.key, 'a');
      assert.equal(await store.getEvent(ids[0]!, SCOPE_B), null);
      assert.equal(await store.getEvent(newEventId()), null);
      assert.deepEqual(idsOf((await store.listEvents()).events), ids.toReversed());
      assert.deepEqual(idsOf((await store.listEvents({ name: 'other' })).events), [ids[1]]);
      assert.deepEqual(idsOf((await store.listEvents({ key: 'a' })).events), [ids[0]]);
      assert.deepEqual(idsOf((await store.listEvents({ scope: SCOPE_A })).events), [ids[0]]);
      const page = await store.listEvents({ limit: 2, order: 'asc' });
      assert.deepEqual(idsOf(page.events), ids.slice(0, 2));
      const rest = await store.listEvents({ limit: 2, order: 'asc', cursor: page.nextCursor! });
      assert.deepEqual([idsOf(rest.events), rest.nextCursor], [ids.slice(2), undefined]);
      await clock.advance(10);
      assert.equal(await store.pruneEvents({ limit: 10 }), 1);
      assert.equal(await store.getEvent(ids[2]!), null);
    }),
    onTwoStores('sixty publishes against sixty parks lose nothing', async (first, second, clock) => {
      const worker = await registerWorker(first);
      await first.insertRuns(newRuns(60));
      const { runs } = await claimRuns(first, worker, { limit: 60 });
      assert.equal(runs.length, 60);
      await Promise.all(
        runs.flatMap((run, n) => [
          park(n % 2 ? first : second, run, [eventWait(EVENT, { eventKey: run.id })]),
          (n % 3 ? second : first).publishEvents([newEvent({ key: run.id })]),
        ]),
      );
      for (const { id } of runs) {
        await until('the run is due', () => isDue(first, id, clock.now()));
      }
    }),
  ],
};
