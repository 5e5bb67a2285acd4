import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ContractNeed, type StoreHarness, lackingOf } from '../../lib/testing/store-contract/contract.js';
import { storeContract } from '../../lib/testing/store-contract/store-contract.js';

/**
 * Runs the store contract against one store, an area a `describe`.
 *
 * @param name the store, as it appears in the report
 * @param createHarness called once before the first case
 * @param lacks what this store cannot offer; a test checks that the harness agrees, so that no case is left out unseen
 * @param except names of cases that do not hold for this store
 */
export function describeStoreContract(
  name: string,
  createHarness: () => Promise<StoreHarness> | StoreHarness,
  lacks: readonly ContractNeed[] = [],
  except: readonly string[] = [],
): void {
  describe(`store contract: ${name}`, () => {
    let harness: StoreHarness;

    beforeAll(async () => {
      harness = await createHarness();
    });

    afterEach(async () => {
      await harness?.close();
    });

    afterAll(async () => {
      await harness?.dispose?.();
    });

    it(
      lacks.length === 0 ? 'every case applies' : `every case applies but those that need ${lacks.join(' and ')}`,
      () => {
        expect(lackingOf(harness)).toEqual([...lacks].sort());
      },
    );

    for (const { area, cases } of storeContract) {
      describe(area, () => {
        for (const contractCase of cases) {
          if (except.includes(contractCase.name)) continue;
          if (contractCase.needs && lacks.includes(contractCase.needs)) continue;
          it(contractCase.name, () => contractCase.run(harness));
        }
      });
    }
  });
}
