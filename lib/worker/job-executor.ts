import type { BackoffStrategy } from '../backoff/backoff.js';
import { type BackoffSpec, toBackoffStrategy } from '../backoff/backoff.js';
import type { Clock, Timer } from '../clock/clock.js';
import type { CodecRegistry } from '../codec/payload-codec.js';
import { JobTimeoutError, LeaseLostError } from '../errors.js';
import { givenUp } from '../job/given-up.js';
import type { JobRegistry, RegisteredJob } from '../job/job-registry.js';
import type { Outcome } from '../job/outcome.js';
import type { Middleware } from '../middleware/middleware.js';
import { type DispatchLogger, errorText } from '../observability/logger.js';
import type { Carrier } from '../scope/carrier.js';
import { DeadlineWatch } from './deadline-watch.js';
import { decideOutcome } from './decide-outcome.js';
import { type HandlerRunner, createHandlerRunner } from './handler-runner.js';
import type { RunningJob } from './running-job.js';

export interface JobExecutorOptions {
  readonly registry: JobRegistry;
  readonly codecs: CodecRegistry;
  readonly middleware: readonly Middleware[];
  readonly carrier?: Carrier | undefined;
  readonly backoff: BackoffStrategy;
  readonly clock: Clock;
  readonly abortGraceMs: number;
  readonly maxResultBytes: number;
  readonly logger: DispatchLogger;
  /** Called exactly once per job, with how its attempt ended; `null` when the lease was lost and nothing is to be written. */
  readonly onOutcome: (job: RunningJob, outcome: Outcome | null) => void;
}

/**
 * Runs handlers and turns whatever they do into exactly one outcome each: return, throw, time out, ignore the
 * signal, or come back when nobody waits any more.
 */
export class JobExecutor {
  private readonly runners = new WeakMap<RegisteredJob, HandlerRunner>();
  private readonly deadlines: DeadlineWatch;
  /** The timers of jobs that were asked to stop. */
  private readonly graces = new WeakMap<RunningJob, Timer>();

  constructor(private readonly options: JobExecutorOptions) {
    this.deadlines = new DeadlineWatch(options.clock, (job) => this.stop(job, new JobTimeoutError(job.timeoutMs)));
  }

  /** Starts the attempt. Never throws; the outcome arrives later, or before this returns. */
  run(job: RunningJob): void {
    this.deadlines.add(job);
    try {
      const runner = this.runnerFor(job.name);
      if (!runner) {
        this.finish(job, { kind: 'released' });
        return;
      }
      const returned = runner(job);
      if (!isThenable(returned)) {
        this.returned(job, returned);
        return;
      }
      // Not its own `then`: a thenable of the application may throw from it, or call back twice.
      Promise.resolve(returned).then(
        (value) => this.returned(job, value),
        (thrown: unknown) => this.failed(job, thrown),
      );
    } catch (thrown) {
      this.failed(job, thrown);
    }
  }

  /**
   * Fires the job's signal. Its handler has the grace to end by itself; then the attempt ends without it, and what
   * the handler does later is dropped.
   */
  stop(job: RunningJob, reason: Error): void {
    if (job.settled || job.abortReason) return;
    job.abort(reason);
    const { clock, abortGraceMs } = this.options;
    this.graces.set(
      job,
      clock.setTimer(abortGraceMs, () => this.giveUp(job), { keepAlive: true }),
    );
  }

  /** Ends the attempt now, whatever its handler is doing. */
  giveUp(job: RunningJob): void {
    if (job.settled) return;
    this.options.logger.warn(
      `job ${job.id} "${job.name}" attempt ${job.attempt} did not stop within ${this.options.abortGraceMs} ms of its signal; its slot is given away and what it returns is dropped`,
    );
    this.failed(job, job.abortReason);
    givenUp(job);
  }

  dispose(): void {
    this.deadlines.stop();
  }

  private runnerFor(name: string): HandlerRunner | undefined {
    const registered = this.options.registry.get(name);
    if (!registered?.handler) return undefined;
    let runner = this.runners.get(registered);
    if (!runner) {
      runner = createHandlerRunner({ ...registered, handler: registered.handler }, this.options);
      this.runners.set(registered, runner);
    }
    return runner;
  }

  private returned(job: RunningJob, value: unknown): void {
    if (job.settled) return this.late(job);
    if (job.abortReason instanceof JobTimeoutError) return this.failed(job, job.abortReason);
    this.finish(job, { kind: 'completed', result: value === undefined ? null : this.encodeResult(job, value) });
  }

  private failed(job: RunningJob, thrown: unknown): void {
    if (job.settled) return this.late(job);
    job.thrown = thrown;
    let outcome: Outcome;
    try {
      outcome = this.decide(job, thrown);
    } catch {
      // There are values that cannot even be asked what they are, such as a revoked proxy.
      outcome = this.decide(job, new TypeError('something was thrown that cannot be read'));
    }
    this.finish(job, outcome);
  }

  private decide({ claimed, name, abortReason }: RunningJob, thrown: unknown): Outcome {
    return decideOutcome({
      thrown,
      abortReason,
      retryCount: claimed.retryCount,
      maxRetries: claimed.maxRetries,
      backoff: this.backoffFor(name, claimed.backoff),
      random: this.options.clock.random(),
    });
  }

  private finish(job: RunningJob, outcome: Outcome): void {
    job.settled = true;
    this.deadlines.remove(job);
    this.graces.get(job)?.cancel();
    this.options.onOutcome(job, job.abortReason instanceof LeaseLostError ? null : outcome);
  }

  private late(job: RunningJob): void {
    this.options.logger.warn(
      `job ${job.id} "${job.name}" attempt ${job.attempt} ended after it was given up; its result is dropped`,
    );
  }

  /** A result that cannot be kept does not undo the work: the job completes without it. */
  private encodeResult(job: RunningJob, value: unknown): string | null {
    let why: string;
    try {
      const text = this.options.codecs.encode(job.claimed.codec, value);
      if (text === undefined) return null;
      if (text.length * 3 <= this.options.maxResultBytes || Buffer.byteLength(text) <= this.options.maxResultBytes)
        return text;
      why = `it has more than ${this.options.maxResultBytes} bytes`;
    } catch (error) {
      why = errorText(error);
    }
    this.options.logger.warn(`the result of job ${job.id} "${job.name}" is not kept: ${why}`);
    return null;
  }

  /** Of the call, else of the definition, else of the engine. */
  private backoffFor(name: string, spec: BackoffSpec | null): BackoffStrategy {
    try {
      if (spec) return toBackoffStrategy(spec);
    } catch (error) {
      this.options.logger.warn(`a stored backoff of "${name}" is not valid and was ignored: ${errorText(error)}`);
    }
    return this.options.registry.get(name)?.backoff ?? this.options.backoff;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
