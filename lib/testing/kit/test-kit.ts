import type { Duration } from '../../clock/duration.js';
import { toMs } from '../../clock/duration.js';
import type { Engine, EngineParts } from '../../engine/engine.js';
import { InvalidOptionsError, InvalidStateError } from '../../errors.js';
import type { Job } from '../../job/job.js';
import { type JobDefinition, type PayloadOf, checkDefinition } from '../../job/job-definition.js';
import { type TestClock } from '../test-clock.js';
import { type CrashMoment, CrashPlan } from './crash-plan.js';
import { EnqueuedJobs } from './enqueued-jobs.js';
import type { ExpectedJob } from './expected-job.js';
import { type BehindClass, type HandlerClass, type JobMethodsOf, pickJob } from './handler-class.js';
import type { JobRun } from './job-outcome.js';
import type { Expected } from './matches.js';
import { performJob } from './perform-job.js';
import type { PerformJobOptions, PerformedJob } from './performed-job.js';
import { TestWorker } from './test-worker.js';
import { WaitingJobs } from './waiting-jobs.js';

/** Jobs that enqueue each other further than this are taken for ones that do so without end. */
const MAX_ROUNDS = 1_000;

/**
 * Runs the jobs of an engine when a test says so, one after the other, by a clock that the test moves. Nothing happens
 * by itself: no timers, no threads, nothing to wait for.
 *
 *     const kit = createTestKit();
 *     kit.engine.register(sendEmail, handler);
 *     await kit.engine.enqueue(sendEmail, { to: 'ada@mail.example' });
 *     await kit.drain();
 */
export class TestKit {
  private readonly crashes = new CrashPlan();

  /**
   * @param engine set up with `clock`, and not started: the kit takes the worker's place
   * @param clock the one that the engine has
   * @param jobMethodsOf for {@link performJob} with a class; kits of `DispatchTestingModule` have it
   */
  constructor(
    readonly engine: Engine,
    readonly clock: TestClock,
    private readonly jobMethodsOf?: JobMethodsOf,
  ) {}

  /**
   * Runs the jobs that are due now, each once: not what they enqueue, and no retries that are due at once.
   *
   * @returns the attempts in the order in which they ran
   * @throws InvalidStateError when the engine's own worker runs
   */
  async runDue(): Promise<readonly JobRun[]> {
    const parts = await this.parts();
    if (parts.isWorking) {
      throw new InvalidStateError(
        'the engine works on jobs by itself, so that the kit cannot: leave out start(), or set autoStart: false.',
        this.engine.state,
      );
    }
    return new TestWorker(parts, new WaitingJobs(parts), this.crashes).round();
  }

  /**
   * Runs jobs until none is due: also what they enqueue meanwhile. What is due later, as retries after their backoff,
   * waits until the clock is moved.
   *
   * @returns the attempts in the order in which they ran
   * @throws InvalidStateError when the engine's own worker runs, or jobs enqueue each other without end
   */
  async drain(): Promise<readonly JobRun[]> {
    const runs: JobRun[] = [];
    for (let rounds = 0; rounds < MAX_ROUNDS; rounds++) {
      const round = await this.runDue();
      if (round.length === 0) return runs;
      runs.push(...round);
    }
    throw new InvalidStateError(
      `drain has run ${runs.length} jobs and more are due: jobs such as "${runs.at(-1)!.name}" enqueue each other, or snooze for no time, without end.`,
      'running',
    );
  }

  /**
   * Moves the clock on, and runs what becomes due on the way at the moment when it is due: delayed jobs, retries, jobs
   * of crashed workers.
   *
   * @param duration milliseconds, or a text such as `'3d'`
   * @returns the attempts in the order in which they ran
   */
  async advance(duration: Duration): Promise<readonly JobRun[]> {
    const end = this.clock.now() + toMs(duration);
    const runs = [...(await this.drain())];
    const waiting = new WaitingJobs(await this.parts());
    for (;;) {
      const next = await waiting.nextDue(this.clock.now());
      if (next === undefined || next > end) break;
      await this.clock.advance(next - this.clock.now());
      runs.push(...(await this.drain()));
    }
    await this.clock.advance(Math.max(0, end - this.clock.now()));
    return runs;
  }

  /**
   * Runs one attempt of a job's handler, as a worker would run it: with codec, validation, middleware, guards, pipes,
   * interceptors and filters. Nothing is stored, and nobody hears of it.
   *
   *     await kit.performJob(sendEmail, { to });                // what the handler is registered for, or its name
   *     await kit.performJob(MailService, { to });              // the class of the handler, if it handles one job
   *     await kit.performJob(MailService, 'send', { to });      // if it handles several
   *
   * @param handler a class with `@Job`; a text behind it that is the name of such a method names the method
   * @param input the payload; one that is not valid makes the attempt fail, as it does for a worker
   * @returns how a worker would settle it; it never rejects for what the handler throws
   * @throws InvalidOptionsError when there is no handler, or the class has several; PayloadError when the payload cannot
   *   be serialised
   */
  performJob<Handler extends object>(
    handler: HandlerClass<Handler>,
    method: keyof Handler & string,
    input?: unknown,
    options?: PerformJobOptions,
  ): Promise<PerformedJob>;
  performJob(handler: HandlerClass, input?: unknown, options?: PerformJobOptions): Promise<PerformedJob>;
  performJob<Input, Result>(
    job: JobDefinition<Input, Result>,
    input: Input,
    options?: PerformJobOptions,
  ): Promise<PerformedJob<Result>>;
  performJob<Name extends string>(
    job: Name,
    input?: PayloadOf<Name>,
    options?: PerformJobOptions,
  ): Promise<PerformedJob>;
  async performJob(job: JobDefinition | string | HandlerClass, ...given: BehindClass): Promise<PerformedJob> {
    const parts = await this.parts();
    if (typeof job === 'function') {
      if (!this.jobMethodsOf) throw namedByClass();
      return performJob(parts, pickJob(job, this.jobMethodsOf(job), given));
    }
    const [input, options] = given;
    return performJob(parts, { name: nameOf(job), input, options: options as PerformJobOptions | undefined });
  }

  /**
   * Asserts that a job was enqueued, whether it has run since or not.
   *
   * @param payload a part of it, or a function that says whether it fits; left out, any
   * @param expected what else is expected; `count`: exactly so many
   * @returns the job, or the last one of several
   * @throws AssertionError that shows what was enqueued instead
   */
  expectEnqueued<Input, Result>(
    job: JobDefinition<Input, Result>,
    payload?: Expected<Input>,
    expected?: ExpectedJob & { readonly count?: number },
  ): Promise<Job<Input, Result>>;
  expectEnqueued<Name extends string>(
    job: Name,
    payload?: Expected<PayloadOf<Name>>,
    expected?: ExpectedJob & { readonly count?: number },
  ): Promise<Job<PayloadOf<Name>>>;
  async expectEnqueued(
    job: JobDefinition | string,
    payload?: unknown,
    expected: ExpectedJob & { readonly count?: number } = {},
  ): Promise<Job> {
    return new EnqueuedJobs(await this.parts()).expect(nameOf(job), payload, expected);
  }

  /** Asserts that no such job was enqueued; see {@link expectEnqueued}. @throws AssertionError that shows it */
  expectNotEnqueued<Input, Result>(
    job: JobDefinition<Input, Result>,
    payload?: Expected<Input>,
    expected?: ExpectedJob,
  ): Promise<void>;
  expectNotEnqueued<Name extends string>(
    job: Name,
    payload?: Expected<PayloadOf<Name>>,
    expected?: ExpectedJob,
  ): Promise<void>;
  async expectNotEnqueued(job: JobDefinition | string, payload?: unknown, expected: ExpectedJob = {}): Promise<void> {
    await new EnqueuedJobs(await this.parts()).expectNone(nameOf(job), payload, expected);
  }

  /**
   * Makes the process of the next attempt die: the job stays claimed until its lease ends (15 s unless the engine says
   * otherwise), and is then taken back, at the cost of a retry.
   *
   * @param options `when`: before the handler is called, or after it returned and before that is written (default);
   *   `times`: how many attempts (default 1)
   */
  crashNext(
    job: { readonly name: string } | string,
    { when = 'after-handler', times = 1 }: { readonly when?: CrashMoment; readonly times?: number } = {},
  ): void {
    this.crashes.add(nameOf(job), when, times);
  }

  private async parts(): Promise<EngineParts> {
    const parts = await this.engine.parts();
    if (parts.clock !== this.clock) {
      throw new InvalidOptionsError('the engine of a TestKit must have its clock: createEngine({ ..., clock }).');
    }
    return parts;
  }
}

function nameOf(job: { readonly name: string } | string): string {
  if (typeof job === 'function') throw namedByClass();
  return typeof job === 'string' ? job : checkDefinition(job).name;
}

function namedByClass(): InvalidOptionsError {
  return new InvalidOptionsError(
    'a job is named by a definition from defineJob or by a text here (got a class). Pass what its @Job names: classes are for performJob of the kits of DispatchTestingModule.',
  );
}
