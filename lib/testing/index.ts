/** What tests need, without Nest: of programs that use the engine, and of stores. `nestjs-dispatch/testing` has it too. */

// Testing applications
export { TestClock } from './test-clock.js';
export { TestKit } from './kit/test-kit.js';
export { createTestKit } from './kit/create-test-kit.js';
export type { JobOutcome, JobRun } from './kit/job-outcome.js';
export type { PerformJobOptions, PerformedJob } from './kit/performed-job.js';
export type { ExpectedJob } from './kit/expected-job.js';
export type { Expected } from './kit/matches.js';
export type { CrashMoment } from './kit/crash-plan.js';
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
