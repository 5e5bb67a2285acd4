import { DataSource, type EntityManager } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../lib/errors.js';
import { afterCommit } from '../../lib/store/typeorm/after-commit.js';
import { joinCallerTransaction } from '../../lib/store/typeorm/caller-transaction.js';

let dataSource: DataSource;
let done: string[];

beforeEach(async () => {
  done = [];
  dataSource = await new DataSource({ type: 'better-sqlite3', database: ':memory:' }).initialize();
});

afterEach(() => dataSource.destroy());

function after(manager: EntityManager, name: string): void {
  afterCommit(dataSource, joinCallerTransaction(manager, dataSource), () => done.push(name));
}

async function rolledBack(work: Promise<unknown>): Promise<void> {
  await expect(work).rejects.toThrow('rolled back');
}

describe("a callback after a caller's commit", () => {
  it('runs once the transaction has committed, not before, and once only', async () => {
    await dataSource.transaction(async (manager) => {
      after(manager, 'a');
      after(manager, 'b');
      expect(done).toEqual([]);
    });
    expect(done).toEqual(['a', 'b']);
    await dataSource.transaction(async () => undefined);
    expect(done).toEqual(['a', 'b']);
  });

  it('never runs when the transaction rolls back', async () => {
    await rolledBack(
      dataSource.transaction(async (manager) => {
        after(manager, 'a');
        throw new Error('rolled back');
      }),
    );
    await dataSource.transaction(async (manager) => after(manager, 'b'));
    expect(done).toEqual(['b']);
  });

  it('added in a savepoint waits for the outermost commit', async () => {
    await dataSource.transaction(async (outer) => {
      await outer.transaction(async (inner) => {
        await inner.transaction(async (innermost) => after(innermost, 'innermost'));
        after(inner, 'inner');
      });
      expect(done).toEqual([]);
      after(outer, 'outer');
    });
    expect(done).toEqual(['innermost', 'inner', 'outer']);
  });

  it('added in a savepoint that rolled back is dropped; the others run', async () => {
    await dataSource.transaction(async (outer) => {
      after(outer, 'before');
      await rolledBack(
        outer.transaction(async (inner) => {
          after(inner, 'inner');
          throw new Error('rolled back');
        }),
      );
      after(outer, 'after');
    });
    expect(done).toEqual(['before', 'after']);
  });

  it('of a released savepoint is dropped with the savepoint around it', async () => {
    await dataSource.transaction(async (outer) => {
      await rolledBack(
        outer.transaction(async (inner) => {
          await inner.transaction(async (innermost) => after(innermost, 'innermost'));
          throw new Error('rolled back');
        }),
      );
      await outer.transaction(async (inner) => after(inner, 'second savepoint'));
    });
    expect(done).toEqual(['second savepoint']);
  });

  it('of a released savepoint stays when the next savepoint beside it rolls back', async () => {
    await dataSource.transaction(async (outer) => {
      await outer.transaction(async (inner) => after(inner, 'released'));
      await rolledBack(
        outer.transaction(async (inner) => {
          after(inner, 'rolled back');
          throw new Error('rolled back');
        }),
      );
    });
    expect(done).toEqual(['released']);
  });

  it('of a released savepoint is dropped when the outermost transaction rolls back', async () => {
    await rolledBack(
      dataSource.transaction(async (outer) => {
        await outer.transaction(async (inner) => after(inner, 'inner'));
        throw new Error('rolled back');
      }),
    );
    expect(done).toEqual([]);
  });

  it('of another DataSource is not run by the commit of this one', async () => {
    const other = await new DataSource({ type: 'better-sqlite3', database: ':memory:' }).initialize();
    await other.transaction(async (manager) => {
      afterCommit(other, joinCallerTransaction(manager, other), () => done.push('other'));
      await dataSource.transaction(async (own) => after(own, 'own'));
      expect(done).toEqual(['own']);
    });
    expect(done).toEqual(['own', 'other']);
    await other.destroy();
  });
});

describe("joining a caller's transaction", () => {
  it('gives the query runner of the transaction', async () => {
    await dataSource.transaction(async (manager) => {
      expect(joinCallerTransaction(manager, dataSource)).toBe(manager.queryRunner);
    });
  });

  it('works with a manager as TypeORM 0.3 makes them', () => {
    const queryRunner = { isTransactionActive: true };
    expect(joinCallerTransaction({ connection: dataSource, queryRunner }, dataSource)).toBe(queryRunner);
  });

  it('refuses a manager that is in no transaction', () => {
    expect(() => joinCallerTransaction(dataSource.manager, dataSource)).toThrow(InvalidOptionsError);
    expect(() => joinCallerTransaction(dataSource.manager, dataSource)).toThrow(/"manager" is not in a transaction/);
  });

  it('refuses a manager whose transaction is over', async () => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    expect(joinCallerTransaction(runner.manager, dataSource)).toBe(runner);
    await runner.rollbackTransaction();
    expect(() => joinCallerTransaction(runner.manager, dataSource)).toThrow(/"manager" is not in a transaction/);
    await runner.release();
  });

  it('refuses a manager of another DataSource', async () => {
    const other = await new DataSource({ type: 'better-sqlite3', database: ':memory:' }).initialize();
    await other.transaction(async (manager) => {
      expect(() => joinCallerTransaction(manager, dataSource)).toThrow(InvalidOptionsError);
      expect(() => joinCallerTransaction(manager, dataSource)).toThrow(/"manager" belongs to another DataSource/);
    });
    await other.destroy();
  });

  it.each([{}, [], { queryRunner: { isTransactionActive: true } }])('refuses %j, which is no manager', (value) => {
    expect(() => joinCallerTransaction(value, dataSource)).toThrow(InvalidOptionsError);
    expect(() => joinCallerTransaction(value, dataSource)).toThrow(/"manager" must be the EntityManager/);
  });
});
