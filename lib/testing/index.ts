/** What tests of applications and of stores need. */

// Testing applications
export { TestClock } from './test-clock.js';
export { type MemoryStoreOptions, createMemoryStore } from '../store/memory/memory-store.js';

// Making things go wrong
export {
  type FailpointAction,
  type FailpointMethod,
  type FailpointName,
  type FailpointOptions,
  Failpoints,
} from './failpoints/failpoints.js';
export { withFailpoints } from './failpoints/with-failpoints.js';

// Testing a store of your own
export { storeContract } from './store-contract/store-contract.js';
export {
  type ContractArea,
  type ContractCase,
  type ContractNeed,
  type StoreHarness,
  lackingOf,
} from './store-contract/contract.js';
