import { expect, it } from 'vitest';
import { InvalidOptionsError } from '../../lib/errors.js';
import type { StoreOptions } from '../../lib/engine/store-options.js';
import type { EntityManager } from 'typeorm';
import { describeOnEachStore } from '../support/each-store.js';
import { NO_POLLING, reached } from '../support/job-states.js';
import { OrderEntity } from '../support/sqlite-application.js';

describeOnEachStore(
  'enqueuing in a transaction',
  (given) => {
    it('that rolls back leaves no job, and no order', async () => {
      const dataSource = await given().application();
      const engine = given().engine({ store: { dataSource } as StoreOptions, ...NO_POLLING });
      let runs = 0;
      engine.register('ship', () => void (runs += 1));
      await engine.start();
      const failure = engine.transaction(async (manager: EntityManager) => {
        await manager.insert(OrderEntity, { item: 'tea' });
        await engine.enqueue('ship', null, { manager });
        await engine.enqueueMany([{ job: 'ship' }, { job: 'ship' }], { manager });
        throw new Error('changed my mind');
      });
      await expect(failure).rejects.toThrow('changed my mind');
      expect((await engine.jobs.list()).jobs).toEqual([]);
      expect(await dataSource.getRepository(OrderEntity).count()).toBe(0);
      const { id } = await engine.enqueue('ship');
      await reached(engine, id, 'completed');
      expect(runs).toBe(1);
    });

    it('that commits stores exactly one job, which starts right after the commit, here and elsewhere', async () => {
      const dataSource = await given().application();
      const here = given().engine({ store: { dataSource } as StoreOptions, ...NO_POLLING });
      const elsewhere = given().engine(NO_POLLING);
      here.register('ship', () => 'here');
      elsewhere.register('notify', () => 'elsewhere');
      await here.start();
      await elsewhere.start();
      const [ship, notify] = await here.transaction(async (manager: EntityManager) => {
        await manager.insert(OrderEntity, { item: 'tea' });
        const jobs = [
          await here.enqueue('ship', null, { manager }),
          await here.enqueue('notify', null, { manager }),
        ] as const;
        expect((await elsewhere.jobs.list()).jobs).toEqual([]);
        return jobs;
      });
      expect((await reached(here, ship.id, 'completed')).result).toBe('here');
      expect((await reached(here, notify.id, 'completed')).result).toBe('elsewhere');
      expect((await here.jobs.list()).jobs).toHaveLength(2);
      expect(await dataSource.getRepository(OrderEntity).count()).toBe(1);
    });

    it("of the application's own works as well", async () => {
      const dataSource = await given().application();
      const engine = given().engine({ store: { dataSource } as StoreOptions, ...NO_POLLING });
      engine.register('ship', () => 'done');
      await engine.start();
      const { id } = await dataSource.transaction((manager) => engine.enqueue('ship', null, { manager }));
      await reached(engine, id, 'completed');
      await expect(
        dataSource.transaction(async (manager) => {
          await engine.enqueue('ship', null, { manager });
          throw new Error('no');
        }),
      ).rejects.toThrow('no');
      expect((await engine.jobs.list()).jobs).toHaveLength(1);
    });

    it('of an engine with a database of its own commits and rolls back too', async () => {
      const engine = given().engine(NO_POLLING);
      engine.register('ship', () => 'done');
      await engine.start();
      const { id } = await engine.transaction((manager) => engine.enqueue('ship', null, { manager }));
      await reached(engine, id, 'completed');
      const failure = engine.transaction(async (manager) => {
        await engine.enqueue('ship', null, { manager });
        throw new Error('no');
      });
      await expect(failure).rejects.toThrow('no');
      expect((await engine.jobs.list()).jobs).toHaveLength(1);
    });

    it('delayed jobs of a commit start when they are due', async () => {
      const engine = given().engine(NO_POLLING);
      engine.register('ship', () => 'done');
      await engine.start();
      const job = await engine.transaction((manager) => engine.enqueue('ship', null, { manager, delay: 150 }));
      const { startedAt } = await reached(engine, job.id, 'completed');
      expect(startedAt!.getTime()).toBeGreaterThanOrEqual(job.runAt.getTime());
    });

    it('transactions of one engine at the same time do not mix', async () => {
      const dataSource = await given().application();
      const engine = given().engine({ store: { dataSource } as StoreOptions, worker: false });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 12 }, (_, index) =>
          engine.transaction(async (manager: EntityManager) => {
            await manager.insert(OrderEntity, { item: `order ${index}` });
            await engine.enqueue('ship', index, { manager });
            if (index % 3 === 0) throw new Error('no');
          }),
        ),
      );
      expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(4);
      const shipped = (await engine.jobs.list()).jobs.map(({ payload }) => payload as number).sort((a, b) => a - b);
      expect(shipped).toEqual([1, 2, 4, 5, 7, 8, 10, 11]);
      expect(await dataSource.getRepository(OrderEntity).count()).toBe(8);
    });
  },
  ['sqlite', 'postgres'],
);

describeOnEachStore(
  'a store without transactions',
  (given) => {
    it('refuses them with an instruction', async () => {
      const engine = given().engine({ worker: false });
      await expect(engine.transaction(async () => 'never')).rejects.toThrow(InvalidOptionsError);
      await expect(engine.enqueue('greet', null, { manager: {} })).rejects.toThrow(InvalidOptionsError);
      expect((await engine.jobs.list()).jobs).toEqual([]);
    });
  },
  ['memory'],
);
