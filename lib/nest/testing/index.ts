/** What tests of NestJS applications need, and all that `nestjs-dispatch/engine/testing` has. */

// Testing applications
export { DispatchTestingModule, type DispatchTestingOptions } from './dispatch-testing.module.js';
export { TestClock } from '../../testing/test-clock.js';
export { TestKit } from '../../testing/kit/test-kit.js';
export { createTestKit } from '../../testing/kit/create-test-kit.js';
export type { JobOutcome, JobRun } from '../../testing/kit/job-outcome.js';
export type { PerformJobOptions, PerformedJob } from '../../testing/kit/performed-job.js';
export type { ExpectedJob } from '../../testing/kit/expected-job.js';
export type { Expected } from '../../testing/kit/matches.js';
export type { CrashMoment } from '../../testing/kit/crash-plan.js';
export { type MemoryStoreOptions, createMemoryStore } from '../../store/memory/memory-store.js';

// Making things go wrong
export {
  type FailpointAction,
  type FailpointMethod,
  type FailpointName,
  type FailpointOptions,
  Failpoints,
} from '../../testing/failpoints/failpoints.js';
export { withFailpoints } from '../../testing/failpoints/with-failpoints.js';

// Testing a store of your own
export { storeContract } from '../../testing/store-contract/store-contract.js';
export {
  type ContractArea,
  type ContractCase,
  type ContractNeed,
  type StoreHarness,
  lackingOf,
} from '../../testing/store-contract/contract.js';
