/** Where a run of a workflow stands (the seed's `workflow.RunState`). */
export type RunState = 'pending' | 'running' | 'waiting' | 'compensating' | 'completed' | 'failed' | 'cancelled';

/** Every state, in the order of a run's life. */
export const RUN_STATES: readonly RunState[] = [
  'pending',
  'running',
  'waiting',
  'compensating',
  'completed',
  'failed',
  'cancelled',
];

/** What can happen to a run. */
export type RunTransition =
  | 'claim'
  | 'record'
  | 'park'
  | 'compensate'
  | 'complete'
  | 'fail'
  | 'cancel'
  | 'wake'
  | 'rescue'
  | 'resume'
  | 'retry'
  | 'replay'
  | 'migrate';

/**
 * The whole state machine: for each transition, the states it may start from. The stores check it under the lock of
 * the row, or inside the statement that writes.
 *
 * A `compensating` run is undoing its steps, whether a worker holds it or it waits for the next try of an undo. So is
 * held told by the worker's id, not by the state. `cancel` of a run that a worker holds only asks the worker.
 */
export const RUN_TRANSITIONS: Readonly<Record<RunTransition, readonly RunState[]>> = {
  claim: ['pending', 'waiting', 'compensating'],
  record: ['running', 'compensating'],
  park: ['running', 'compensating'],
  compensate: ['running', 'compensating', 'pending', 'waiting'],
  complete: ['running'],
  fail: ['running', 'compensating'],
  cancel: ['pending', 'running', 'waiting', 'compensating'],
  wake: ['pending', 'waiting', 'compensating'],
  rescue: ['running', 'compensating'],
  resume: ['pending', 'waiting', 'compensating'],
  retry: ['failed', 'cancelled'],
  replay: ['pending', 'waiting', 'completed', 'failed', 'cancelled'],
  migrate: ['pending', 'waiting', 'compensating', 'failed', 'cancelled'],
};

/** How a run can end. */
export type RunEnd = 'completed' | 'failed' | 'cancelled';

const ENDS: readonly RunState[] = ['completed', 'failed', 'cancelled'] satisfies RunEnd[];

/** Whether a run in this state has ended. */
export function isRunEnded(state: RunState): state is RunEnd {
  return ENDS.includes(state);
}

/** Whether `value` is the name of a state. */
export function isRunState(value: unknown): value is RunState {
  return (RUN_STATES as readonly unknown[]).includes(value);
}

/** Whether the transition may start from this state. */
export function canRunTransition(transition: RunTransition, from: RunState): boolean {
  return RUN_TRANSITIONS[transition].includes(from);
}
