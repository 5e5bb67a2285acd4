/** Where a job stands (the seed's `job.State`). */
export type JobState = 'pending' | 'running' | 'retrying' | 'completed' | 'failed' | 'cancelled';

/** Every state, in the order of a job's life. */
export const JOB_STATES: readonly JobState[] = ['pending', 'running', 'retrying', 'completed', 'failed', 'cancelled'];

/** What can happen to a job. */
export type JobTransition =
  | 'claim'
  | 'complete'
  | 'retry'
  | 'fail'
  | 'snooze'
  | 'release'
  | 'cancel'
  | 'rescue'
  | 'reopen'
  | 'replace'
  | 'discard';

/**
 * The whole state machine: for each transition, the states it may start from. The stores check it inside the
 * statement that writes (`where state in (...)`), never by reading first.
 *
 * `cancel` from `running` only asks the worker; the worker's answer is `cancel` again.
 */
export const JOB_TRANSITIONS: Readonly<Record<JobTransition, readonly JobState[]>> = {
  claim: ['pending', 'retrying'],
  complete: ['running'],
  retry: ['running'],
  fail: ['running'],
  snooze: ['running'],
  release: ['running'],
  cancel: ['pending', 'retrying', 'running'],
  rescue: ['running'],
  reopen: ['failed', 'cancelled'],
  replace: ['pending', 'retrying'],
  discard: ['pending', 'retrying', 'completed', 'failed', 'cancelled'],
};

const TERMINAL: readonly JobState[] = ['completed', 'failed', 'cancelled'];

/** Whether a job in this state has ended. */
export function isTerminal(state: JobState): boolean {
  return TERMINAL.includes(state);
}

/** Whether `value` is the name of a state. */
export function isJobState(value: unknown): value is JobState {
  return (JOB_STATES as readonly unknown[]).includes(value);
}

/** Whether the transition may start from this state. */
export function canTransition(transition: JobTransition, from: JobState): boolean {
  return JOB_TRANSITIONS[transition].includes(from);
}
