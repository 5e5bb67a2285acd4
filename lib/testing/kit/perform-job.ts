import type { EngineParts } from '../../engine/engine.js';
import { InvalidOptionsError } from '../../errors.js';
import { newWorkerId } from '../../id/ids.js';
import { JobFactory } from '../../job/job-factory.js';
import type { JobLogLine } from '../../job/job-store.js';
import { toJobRecord } from '../../job/to-job-record.js';
import { RunningJob } from '../../worker/running-job.js';
import { AttemptRunner } from './attempt-runner.js';
import { toJobOutcome } from './job-outcome.js';
import type { PerformJobOptions, PerformedJob } from './performed-job.js';

/** What is to be performed, and with what. */
export interface JobToPerform {
  readonly name: string;
  /** Whose handler is meant; left out, anybody's. */
  readonly owner?: string;
  readonly input: unknown;
  readonly options: PerformJobOptions | undefined;
}

/** Runs one attempt of a job that is in no store. @throws InvalidOptionsError, PayloadError */
export async function performJob(
  parts: EngineParts,
  { name, owner, input, options: { attempt = 1, ...options } = {} }: JobToPerform,
): Promise<PerformedJob> {
  const registered = parts.registry.get(name);
  if (!registered?.handler) {
    throw new InvalidOptionsError(
      `there is no handler for the job "${name}". Provide the class whose method has @Job('${name}') and call app.init(), or register it.`,
    );
  }
  if (owner !== undefined && registered.owner !== owner) {
    throw new InvalidOptionsError(
      `the job "${name}" is handled by ${registered.owner} here, and not by ${owner}. Pass the class that the application provides.`,
    );
  }
  if (!Number.isInteger(attempt) || attempt < 1) {
    throw new InvalidOptionsError(`"attempt" must be a whole number of at least 1 (got ${String(attempt)}).`);
  }
  const row = new JobFactory({ ...parts, queue: 'default' }).create(registered, input, options);
  const now = parts.clock.now();
  const claimed = { ...toJobRecord(row, now), attempt, retryCount: attempt - 1, startedAt: now };
  let progress: unknown;
  const logs: JobLogLine[] = [];
  const job = new RunningJob(claimed, newWorkerId(), false, parts.clock.monotonic(), {
    progress: (_job, value) => void (progress = value),
    log: (_job, line) => void logs.push(line),
  });
  const runner = new AttemptRunner(parts);
  const outcome = toJobOutcome(job, await runner.run(job), parts.codecs);
  runner.dispose();
  return { ...outcome, progress, logs };
}
