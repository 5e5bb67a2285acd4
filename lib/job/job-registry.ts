import { type BackoffStrategy, toBackoffStrategy } from '../backoff/backoff.js';
import { toMs } from '../clock/duration.js';
import { InvalidOptionsError } from '../errors.js';
import { type JobDefinition, checkDefinition, originOf } from './job-definition.js';
import type { JobHandler } from './job-handler.js';
import type { HandlerOptions, JobOptions } from './job-options.js';
import { type PayloadValidator, createPayloadValidator } from './payload-validator.js';
import { checkConcurrency, checkName, checkPriority, checkRetries } from './checks.js';

/** What a process knows of a job name: its options, its schema and, if it runs here, its handler. */
export interface RegisteredJob {
  readonly name: string;
  readonly options: HandlerOptions & Pick<JobDefinition, 'payload'>;
  readonly timeoutMs: number | undefined;
  readonly backoff: BackoffStrategy | undefined;
  readonly validate: PayloadValidator | undefined;
  readonly handler: JobHandler | undefined;
  /** Who registered the handler, for messages. */
  readonly owner: string | undefined;
}

/** The job definitions and handlers of a process (the seed's `Registry`). */
export class JobRegistry {
  private readonly jobs = new Map<string, RegisteredJob>();
  private handlerNames: readonly string[] = [];
  private handlerLimits: ReadonlyMap<string, number> = new Map();
  /** Definitions that are not the one a name was made known with, so that they are merged once and not per enqueue. */
  private readonly merged = new WeakMap<JobDefinition, { readonly with: RegisteredJob; readonly job: RegisteredJob }>();

  /**
   * Makes a definition known, without a handler: its options and schema are honoured at enqueue. What it leaves open,
   * an earlier definition or handler of that name decides.
   *
   * @returns what is known of this definition now
   * @throws InvalidOptionsError when an option is wrong
   */
  define(definition: JobDefinition): RegisteredJob {
    const known = this.jobs.get(definition.name);
    if (!known) return this.save(describe(definition, undefined, undefined));
    // The handler's own options go before those of the definition that it names.
    if (originOf(known.options as JobDefinition) === originOf(definition)) return known;
    let merged = this.merged.get(definition);
    if (merged?.with !== known) {
      const { handler, owner } = known;
      merged = {
        with: known,
        job: describe({ ...known.options, ...withoutUndefined(definition), name: known.name }, handler, owner),
      };
      this.merged.set(definition, merged);
    }
    return merged.job;
  }

  /**
   * Registers the handler of a job (the seed's `RegisterDefinition`).
   *
   * @param owner who it is, such as `InvoiceService.render`, for messages
   * @throws InvalidOptionsError when another owner has that name, or an option is wrong
   */
  register(
    definition: JobDefinition,
    handler: JobHandler,
    owner = handler?.name || 'anonymous handler',
  ): RegisteredJob {
    checkDefinition(definition);
    if (typeof handler !== 'function')
      throw new InvalidOptionsError(`the handler of "${definition.name}" must be a function (got ${typeof handler}).`);
    const known = this.jobs.get(definition.name);
    if (known?.handler) {
      throw new InvalidOptionsError(
        `two handlers claim the job "${definition.name}": ${known.owner} and ${owner}. Give one of them another name.`,
      );
    }
    // A handler that is registered by name alone runs by what the name was defined with.
    const defined = known && isBare(definition) ? { ...known.options, name: definition.name } : definition;
    return this.save(describe(defined, handler, owner));
  }

  /** Removes a handler; its jobs are left for other processes. @returns whether there was one */
  unregister(name: string): boolean {
    const known = this.jobs.get(name);
    if (!known?.handler) return false;
    this.save({ ...known, handler: undefined, owner: undefined });
    return true;
  }

  /** What is known of a name that was never defined here: nothing. It is not remembered. */
  undefinedJob(name: string): RegisteredJob {
    return {
      name,
      options: {},
      timeoutMs: undefined,
      backoff: undefined,
      validate: undefined,
      handler: undefined,
      owner: undefined,
    };
  }

  get(name: string): RegisteredJob | undefined {
    return this.jobs.get(name);
  }

  /** The names that have a handler here. The same array until a handler comes or goes. */
  names(): readonly string[] {
    return this.handlerNames;
  }

  /** How many jobs of a name may be under way here, by name; handlers without a limit of their own are not in it. */
  limits(): ReadonlyMap<string, number> {
    return this.handlerLimits;
  }

  private save(job: RegisteredJob): RegisteredJob {
    const had = this.jobs.get(job.name)?.handler !== undefined;
    this.jobs.set(job.name, job);
    if (had === (job.handler !== undefined)) return job;
    const handled = [...this.jobs.values()].filter(({ handler }) => handler);
    this.handlerNames = handled.map(({ name }) => name);
    this.handlerLimits = new Map(
      handled.flatMap(({ name, options: { concurrency } }) => (concurrency === undefined ? [] : [[name, concurrency]])),
    );
    return job;
  }
}

/** Whether a definition says nothing but its name. */
function isBare(definition: JobOptions): boolean {
  return Object.keys(definition).every((key) => key === 'name');
}

function withoutUndefined(definition: JobDefinition): JobDefinition {
  return Object.fromEntries(
    Object.entries(definition).filter(([, value]) => value !== undefined),
  ) as unknown as JobDefinition;
}

function describe(
  definition: JobDefinition,
  handler: JobHandler | undefined,
  owner: string | undefined,
): RegisteredJob {
  const name = checkName('job name', definition.name);
  const label = `job "${name}"`;
  try {
    if (definition.queue !== undefined) checkName('queue', definition.queue);
    if (definition.priority !== undefined) checkPriority(definition.priority);
    if (definition.maxRetries !== undefined) checkRetries(definition.maxRetries);
    if (definition.concurrency !== undefined) checkConcurrency(definition.concurrency);
    return {
      name,
      options: definition,
      timeoutMs: definition.timeout === undefined ? undefined : toMs(definition.timeout, 'timeout'),
      backoff: definition.backoff === undefined ? undefined : toBackoffStrategy(definition.backoff),
      validate: definition.payload && createPayloadValidator(name, definition.payload),
      handler,
      owner,
    };
  } catch (cause) {
    throw new InvalidOptionsError(`${label}: ${(cause as Error).message}`, { cause });
  }
}
