import type { CodecRegistry } from '../codec/payload-codec.js';
import { InvalidOptionsError } from '../errors.js';
import type { LifecycleEmitter } from '../ext/lifecycle.js';
import { checkName } from './checks.js';
import type { Enqueuer } from './enqueuer.js';
import { toJobRecord } from './to-job-record.js';
import { type JobDefinition, type PayloadOf, checkDefinition } from './job-definition.js';
import type { JobFactory } from './job-factory.js';
import type { EnqueueOptions } from './job-options.js';
import type { NewJob } from './job-record.js';
import type { JobRegistry, RegisteredJob } from './job-registry.js';
import type { JobConflict } from './job-store.js';
import { type Job, toJob } from './job.js';

/** A job as `enqueue` returns it. */
export interface EnqueuedJob<Input = unknown, Result = unknown> extends Job<Input, Result> {
  /**
   * `inserted`: this is a new job. By its unique key, `existing`: this job was there already and nothing was
   * inserted; `replaced`: this waiting job took over the payload and options.
   */
  readonly enqueued: 'inserted' | 'existing' | 'replaced';
}

/** One of many jobs to enqueue: what to run, and its own options. */
export interface EnqueueItem<Input = unknown> extends Omit<EnqueueOptions, 'manager'> {
  readonly job: JobDefinition<Input> | string;
  readonly input?: Input;
}

/** An item whose input is checked by what its `job` says. */
export type TypedEnqueueItem<Item> = Item extends { readonly job: JobDefinition<infer Input> }
  ? EnqueueItem & { readonly input: Input }
  : Item extends { readonly job: infer Name extends string }
    ? EnqueueItem & { readonly input?: PayloadOf<Name> }
    : EnqueueItem;

/** What holds for all jobs of one `enqueueMany`. */
export type EnqueueManyOptions = Pick<EnqueueOptions, 'manager'>;

/** How things are enqueued: what a producer needs, and all that it needs. */
export interface JobProducer {
  /**
   * Enqueues a job: it is stored when the promise resolves, and will run.
   *
   * @param job a definition, or a name (typed by augmenting `JobPayloads`)
   * @param input the payload; any JSON value, checked by the definition's schema
   * @throws PayloadValidationError, PayloadError, InvalidOptionsError, ScopeRequiredError: nothing was enqueued
   * @throws JobAlreadyExistsError with `onConflict: 'error'`
   * @throws StoreUnavailableError when the store did not answer
   */
  enqueue<Input, Result>(
    job: JobDefinition<Input, Result>,
    input: Input,
    options?: EnqueueOptions,
  ): Promise<EnqueuedJob<Input, Result>>;
  enqueue<Name extends string>(
    job: Name,
    input?: PayloadOf<Name>,
    options?: EnqueueOptions,
  ): Promise<EnqueuedJob<PayloadOf<Name>>>;

  /**
   * Enqueues many jobs at once, all or none.
   *
   * @throws as `enqueue`; a payload that is not valid is named by its index
   */
  enqueueMany<const Items extends readonly EnqueueItem[]>(
    items: Items & { readonly [Index in keyof Items]: TypedEnqueueItem<Items[Index]> },
    options?: EnqueueManyOptions,
  ): Promise<EnqueuedJob[]>;
}

export interface StoreProducerOptions {
  /** Waits until the store is open. */
  readonly enqueuer: () => Promise<Enqueuer>;
  readonly registry: JobRegistry;
  readonly factory: JobFactory;
  readonly codecs: CodecRegistry;
  readonly emitter: LifecycleEmitter;
}

/** Checks what is to be enqueued, builds the rows and inserts them. */
export class StoreProducer implements JobProducer {
  constructor(private readonly options: StoreProducerOptions) {}

  async enqueue<Input, Result>(
    job: JobDefinition<Input, Result> | string,
    input?: Input,
    options: EnqueueOptions = {},
  ): Promise<EnqueuedJob<Input, Result>> {
    const definition = this.describe(job);
    const row = this.options.factory.create(definition, input, options);
    if (definition.validate) await definition.validate(this.asStored(row));
    const enqueuer = await this.options.enqueuer();
    const insert = async (): Promise<EnqueuedJob> => {
      if (!options.manager) {
        const { now, conflict } = await enqueuer.insertOne(row);
        return this.report(row, now, conflict);
      }
      const { now, conflicts } = await enqueuer.insertAll([row], options.manager);
      return this.report(row, now, conflicts.get(0));
    };
    return this.options.emitter.enqueuing(() => [row.id], insert) as Promise<EnqueuedJob<Input, Result>>;
  }

  async enqueueMany(items: readonly EnqueueItem[], options: EnqueueManyOptions = {}): Promise<EnqueuedJob[]> {
    if (!Array.isArray(items))
      throw new InvalidOptionsError(`enqueueMany takes a list of { job, input } (got ${typeof items}).`);
    if (typeof options !== 'object' || options === null)
      throw new InvalidOptionsError('the options of enqueueMany must be an object such as { manager }.');
    const rows: NewJob[] = [];
    for (let index = 0; index < items.length; index++) {
      const row = this.checked((items as readonly EnqueueItem[])[index]!, index);
      // Awaited only where there is something to check: a turn a job is dear when there are 100,000.
      rows.push(row instanceof Promise ? await row : row);
    }
    if (rows.length === 0) return [];
    const enqueuer = await this.options.enqueuer();
    const insert = async (): Promise<EnqueuedJob[]> => {
      const { now, conflicts } = await enqueuer.insertAll(rows, options.manager);
      return rows.map((row, index) => this.report(row, now, conflicts.get(index)));
    };
    return this.options.emitter.enqueuing(() => rows.map(({ id }) => id), insert);
  }

  /** What the handler will be given: a Date is a text by then, and is checked as one. */
  private asStored({ codec, payload }: NewJob): unknown {
    return this.options.codecs.decode(codec, payload);
  }

  private checked(item: EnqueueItem, index: number): NewJob | Promise<NewJob> {
    const named = (error: unknown): never => {
      if (error instanceof Error) error.message = `item ${index}: ${error.message}`;
      throw error;
    };
    try {
      checkItem(item);
      const definition = this.describe(item.job);
      const row = this.options.factory.create(definition, item.input, item);
      return definition.validate ? definition.validate(this.asStored(row)).then(() => row, named) : row;
    } catch (error) {
      return named(error);
    }
  }

  private describe(job: JobDefinition | string): RegisteredJob {
    const { registry } = this.options;
    if (typeof job === 'string') return registry.get(job) ?? registry.undefinedJob(checkName('job name', job));
    return registry.define(checkDefinition(job));
  }

  private report(row: NewJob, now: number, conflict: JobConflict | undefined): EnqueuedJob {
    const { codecs, emitter } = this.options;
    const record = conflict?.job ?? toJobRecord(row, now);
    const enqueued = conflict?.kind ?? 'inserted';
    if (enqueued !== 'existing' && emitter.has('jobEnqueued'))
      emitter.emit('jobEnqueued', { job: toJob(record, codecs) });
    return toJob(record, codecs, { enqueued });
  }
}

function checkItem(item: EnqueueItem): void {
  if (typeof item !== 'object' || item === null)
    throw new InvalidOptionsError(`an item is { job, input } (got ${item === null ? 'null' : typeof item}).`);
  if ((item as EnqueueOptions).manager === undefined) return;
  throw new InvalidOptionsError(
    '"manager" is for all items or none: pass it beside the list, as in enqueueMany(items, { manager }).',
  );
}
