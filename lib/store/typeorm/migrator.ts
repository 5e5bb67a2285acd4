import { MigrationError } from '../../errors.js';
import type { MigrationMode, MigrationStatus } from '../store.js';

/** A step of the schema's history: forward only, and additive, so that two versions can run side by side. */
export interface Migration {
  /** Sorts by its leading number, such as `0001-jobs`. */
  readonly name: string;
  readonly statements: readonly string[];
}

/** Statements as a text for a database's own command line. */
export function asScript(statements: readonly string[]): string {
  return statements.map((text) => `${text.trim().replace(/\n {4}/g, '\n')};`).join('\n\n');
}

/** What the migrator needs of a database; each store provides it in its dialect. */
export interface MigrationTarget {
  /** The applied migrations; `null` when the table that records them does not exist. */
  applied(): Promise<readonly { readonly name: string; readonly appliedAt: number }[] | null>;
  /**
   * Runs `work` in one transaction that no other process migrates during, with the record table in place.
   * `applied` inside sees what others have done meanwhile.
   */
  exclusively(
    work: (session: {
      applied(): Promise<readonly string[]>;
      apply(migration: Migration): Promise<void>;
    }) => Promise<void>,
  ): Promise<void>;
}

/** Brings a schema up to date, or checks that it is. Knows nothing of dialects. */
export class Migrator {
  constructor(
    private readonly known: readonly Migration[],
    private readonly target: MigrationTarget,
  ) {}

  async status(): Promise<readonly MigrationStatus[]> {
    const applied = new Map((await this.target.applied())?.map(({ name, appliedAt }) => [name, appliedAt]));
    return this.known.map(({ name }) => ({ name, appliedAt: applied.get(name) ?? null }));
  }

  /** @throws MigrationError in mode `check` when migrations are missing, and when one fails */
  async migrate(mode: MigrationMode): Promise<void> {
    if (mode === 'off') return;
    const pending = (await this.status()).filter(({ appliedAt }) => appliedAt === null).map(({ name }) => name);
    if (pending.length === 0) return;
    if (mode === 'check') {
      throw new MigrationError(
        `the database lacks the Dispatch migrations ${pending.join(', ')}. Start one process with migrations: 'auto', or apply them by hand.`,
      );
    }
    await this.target.exclusively(async (session) => {
      const done = new Set(await session.applied());
      for (const migration of this.known) {
        if (done.has(migration.name)) continue;
        try {
          await session.apply(migration);
        } catch (cause) {
          const text = cause instanceof Error ? cause.message : String(cause);
          throw new MigrationError(`migration ${migration.name} failed and was rolled back: ${text}`, { cause });
        }
      }
    });
  }
}
