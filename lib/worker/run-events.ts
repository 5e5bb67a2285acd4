import type { LifecycleEmitter, RunNews } from '../ext/lifecycle.js';
import { scopeOf } from '../job/job.js';
import { checkpointKindOf, checkpointNameOf } from '../workflow/checkpoint.js';
import type { RunCommit } from '../workflow/run-commit.js';
import type { ClaimedRun } from '../workflow/run-record.js';

/** Turns what was written of runs into lifecycle events. */
export class RunEvents {
  constructor(private readonly emitter: LifecycleEmitter) {}

  started(run: ClaimedRun): void {
    if (run.attempt === 1 && this.emitter.has('workflowStarted'))
      this.emitter.emit('workflowStarted', { run: newsOf(run) });
  }

  /** A commit of the run is on disk. */
  committed(run: ClaimedRun, { checkpoints, next }: RunCommit): void {
    const { emitter } = this;
    if (emitter.has('workflowStepCompleted') || emitter.has('workflowStepFailed')) this.steps(run, checkpoints);
    if (next?.kind === 'completed' && emitter.has('workflowCompleted')) {
      emitter.emit('workflowCompleted', { run: newsOf(run) });
    } else if (next?.kind === 'failed' && emitter.has('workflowFailed')) {
      emitter.emit('workflowFailed', { run: newsOf(run), error: next.error });
    } else if (next?.kind === 'cancelled' && emitter.has('workflowCancelled')) {
      emitter.emit('workflowCancelled', { run: newsOf(run) });
    }
  }

  private steps(run: ClaimedRun, checkpoints: RunCommit['checkpoints']): void {
    for (const { key, tries, elapsedMs, error } of checkpoints) {
      if (checkpointKindOf(key) !== 'step') continue;
      const step = { key, name: checkpointNameOf(key), tries, elapsedMs };
      if (error) this.emitter.emit('workflowStepFailed', { run: newsOf(run), step, error });
      else this.emitter.emit('workflowStepCompleted', { run: newsOf(run), step });
    }
  }
}

function newsOf(run: ClaimedRun): RunNews {
  const { id, name, version, attempt } = run;
  return Object.freeze({ id, name, version, attempt, scope: scopeOf(run) });
}
