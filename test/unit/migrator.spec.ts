import { describe, expect, it } from 'vitest';
import { MigrationError } from '../../lib/errors.js';
import { type Migration, type MigrationTarget, Migrator } from '../../lib/store/typeorm/migrator.js';

const KNOWN: readonly Migration[] = ['0001-jobs', '0002-more', '0003-rest'].map((name) => ({ name, statements: [] }));

/** A database that applies migrations to a list. */
class FakeTarget implements MigrationTarget {
  rows: { name: string; appliedAt: number }[] | null = null;
  locks = 0;
  fail: { readonly name: string; readonly error: unknown } | undefined;
  /** What another process does before this one gets the lock. */
  meanwhile: () => void = () => undefined;

  async applied() {
    return this.rows;
  }

  async exclusively(work: Parameters<MigrationTarget['exclusively']>[0]): Promise<void> {
    this.locks += 1;
    this.meanwhile();
    const rows = [...(this.rows ?? [])];
    await work({
      applied: async () => rows.map(({ name }) => name),
      apply: async ({ name }) => {
        if (this.fail?.name === name) throw this.fail.error;
        rows.push({ name, appliedAt: 5 });
      },
    });
    this.rows = rows;
  }

  names(): string[] | undefined {
    return this.rows?.map(({ name }) => name);
  }
}

function setup(applied?: readonly string[]) {
  const target = new FakeTarget();
  if (applied) target.rows = applied.map((name) => ({ name, appliedAt: 1 }));
  return { target, migrator: new Migrator(KNOWN, target) };
}

describe('the migrator', () => {
  it('applies everything to an empty database, in order', async () => {
    const { target, migrator } = setup();
    await migrator.migrate('auto');
    expect(target.names()).toEqual(['0001-jobs', '0002-more', '0003-rest']);
  });

  it('applies only what is missing', async () => {
    const { target, migrator } = setup(['0001-jobs']);
    await migrator.migrate('auto');
    expect(target.rows).toEqual([
      { name: '0001-jobs', appliedAt: 1 },
      { name: '0002-more', appliedAt: 5 },
      { name: '0003-rest', appliedAt: 5 },
    ]);
  });

  it('takes no lock when nothing is missing', async () => {
    const { target, migrator } = setup(KNOWN.map(({ name }) => name));
    await migrator.migrate('auto');
    await migrator.migrate('check');
    expect(target.locks).toBe(0);
  });

  it('does not mind migrations of a later version', async () => {
    const { target, migrator } = setup([...KNOWN.map(({ name }) => name), '0004-later']);
    await migrator.migrate('check');
    await migrator.migrate('auto');
    expect(target.locks).toBe(0);
    expect((await migrator.status()).map(({ name }) => name)).not.toContain('0004-later');
  });

  it('does not repeat what another process did while it waited for the lock', async () => {
    const { target, migrator } = setup();
    target.meanwhile = () => (target.rows = [{ name: '0001-jobs', appliedAt: 2 }]);
    await migrator.migrate('auto');
    expect(target.names()).toEqual(['0001-jobs', '0002-more', '0003-rest']);
    expect(target.rows![0]!.appliedAt).toBe(2);
  });

  it('checks without changing anything, and names what is missing', async () => {
    const { target, migrator } = setup(['0001-jobs']);
    await expect(migrator.migrate('check')).rejects.toThrow(MigrationError);
    await expect(migrator.migrate('check')).rejects.toThrow(/0002-more, 0003-rest.*migrations: 'auto'/);
    expect(target.names()).toEqual(['0001-jobs']);
    expect(target.locks).toBe(0);
  });

  it('does nothing at all when it is off', async () => {
    const { target, migrator } = setup();
    target.applied = async () => Promise.reject(new Error('looked'));
    await migrator.migrate('off');
    expect(target.locks).toBe(0);
  });

  it.each([
    [new Error('syntax'), /migration 0002-more failed and was rolled back: syntax/],
    ['text', /migration 0002-more failed and was rolled back: text/],
  ])('names the migration that fails (%s), keeps its cause and leaves none behind', async (error, message) => {
    const { target, migrator } = setup();
    target.fail = { name: '0002-more', error };
    const failed = migrator.migrate('auto');
    await expect(failed).rejects.toThrow(MigrationError);
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toMatchObject({ cause: error });
    expect(target.rows).toBeNull();
  });

  it('tells what is applied and what is pending', async () => {
    const { migrator } = setup(['0001-jobs']);
    expect(await migrator.status()).toEqual([
      { name: '0001-jobs', appliedAt: 1 },
      { name: '0002-more', appliedAt: null },
      { name: '0003-rest', appliedAt: null },
    ]);
    expect((await setup().migrator.status()).every(({ appliedAt }) => appliedAt === null)).toBe(true);
  });
});
