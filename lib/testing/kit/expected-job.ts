import type { Duration } from '../../clock/duration.js';
import type { JobState } from '../../job/job-state.js';

/** What else is expected of an enqueued job; what is left out may be anything. */
export interface ExpectedJob {
  readonly queue?: string;
  readonly priority?: number;
  /** As it stands now. A job that has run is still one that was enqueued. */
  readonly state?: JobState;
  readonly uniqueKey?: string;
  readonly groupKey?: string;
  /** Due at this time. */
  readonly runAt?: Date;
  /** Due this long after it was enqueued. */
  readonly delay?: Duration;
}
