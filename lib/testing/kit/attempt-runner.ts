import type { EngineParts } from '../../engine/engine.js';
import type { Outcome } from '../../job/outcome.js';
import { JobExecutor } from '../../worker/job-executor.js';
import type { RunningJob } from '../../worker/running-job.js';

/** Runs single attempts with the executor of real workers: codecs, validation, middleware, timeouts, outcomes. */
export class AttemptRunner {
  private readonly waiting = new Map<RunningJob, (outcome: Outcome | null) => void>();
  private readonly executor: JobExecutor;

  constructor(parts: EngineParts) {
    this.executor = new JobExecutor({ ...parts, onOutcome: (job, outcome) => this.ended(job, outcome) });
  }

  /** Resolves with how the attempt ends; `null` when its lease was lost. Never rejects. */
  run(job: RunningJob): Promise<Outcome | null> {
    return new Promise((resolve) => {
      this.waiting.set(job, resolve);
      this.executor.run(job);
    });
  }

  /** Asks the handler to stop. */
  stop(job: RunningJob, reason: Error): void {
    this.executor.stop(job, reason);
  }

  dispose(): void {
    this.executor.dispose();
  }

  private ended(job: RunningJob, outcome: Outcome | null): void {
    this.waiting.get(job)?.(outcome);
    this.waiting.delete(job);
  }
}
