import { InvalidStateError } from '../errors.js';
import type { RunId } from '../id/ids.js';
import { type RunTransition, canRunTransition } from './run-state.js';
import type { RunRecord } from './run-record.js';

const WHAT = {
  cancel: 'cancelled',
  resume: 'resumed',
  retry: 'retried',
  replay: 'replayed',
  migrate: 'migrated',
} as const;

/**
 * Refuses what cannot be done to a run now. Call it under the lock of its row.
 *
 * @throws InvalidStateError
 */
export function checkRunAction(
  action: keyof typeof WHAT & RunTransition,
  { id, state, workerId }: Pick<RunRecord, 'id' | 'state' | 'workerId'>,
): void {
  const held = workerId !== null && action !== 'cancel';
  if (canRunTransition(action, state) && !held) return;
  throw new InvalidStateError(
    `run ${id} cannot be ${WHAT[action]} in state ${state}${held ? ' while a worker holds it' : ''}.`,
    state,
  );
}

/** What a replay from a checkpoint that is not there is refused with. */
export function noSuchCheckpoint(id: RunId, key: string, state: string): InvalidStateError {
  return new InvalidStateError(`run ${id} has no record of ${JSON.stringify(key)} to replay it from.`, state);
}
