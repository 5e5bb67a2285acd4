import type { Store } from '../../store/store.js';
import type { TestClock } from '../test-clock.js';

/** Something that some stores cannot offer; cases that need it name it. */
export type ContractNeed = 'another' | 'own-clock';

/** What the author of a store provides, so that the contract can be run against it. */
export interface StoreHarness {
  /** The clock of every store that {@link open} and {@link openAnother} return. Now and then a case moves it back. */
  readonly clock: TestClock;
  /** A fresh, empty, migrated store that takes its time from {@link clock}. */
  open(): Promise<Store>;
  /** A second, independent store on the data of the last {@link open}: another process in effect. */
  openAnother?(): Promise<Store>;
  /** A fresh, empty, migrated store that takes its time from the database. */
  openWithOwnClock?(): Promise<Store>;
  /** Closes the stores that were opened; the runner calls it after each case. The harness may be used again. */
  close(): Promise<void>;
  /** Ends what the harness itself holds, such as a server; the runner calls it once at the end. */
  dispose?(): Promise<void>;
}

/** One sentence about stores, and how to find out whether it is true. */
export interface ContractCase {
  /** Reads as a sentence. */
  readonly name: string;
  readonly needs?: ContractNeed;
  /** Rejects with an AssertionError when the sentence is not true of the store. */
  run(harness: StoreHarness): Promise<void>;
}

/** Cases about one subject. */
export interface ContractArea {
  readonly area: string;
  readonly cases: readonly ContractCase[];
}

/** What this harness cannot offer: the cases that name it cannot be run. */
export function lackingOf(harness: StoreHarness): readonly ContractNeed[] {
  const lacking: ContractNeed[] = [];
  if (!harness.openAnother) lacking.push('another');
  if (!harness.openWithOwnClock) lacking.push('own-clock');
  return lacking;
}

/** A case about one store and the clock it runs by. */
export function onStore(name: string, run: (store: Store, clock: TestClock) => Promise<void>): ContractCase {
  return { name, run: async (harness) => run(await harness.open(), harness.clock) };
}

/** A case about two stores on the same data, as two processes have them. */
export function onTwoStores(
  name: string,
  run: (first: Store, second: Store, clock: TestClock) => Promise<void>,
): ContractCase {
  return {
    name,
    needs: 'another',
    run: async (harness) => {
      const first = await harness.open();
      await run(first, await harness.openAnother!(), harness.clock);
    },
  };
}

/** A case about a store that takes its time from the database. */
export function onOwnClock(name: string, run: (store: Store) => Promise<void>): ContractCase {
  return { name, needs: 'own-clock', run: async (harness) => run(await harness.openWithOwnClock!()) };
}
