import type { Backoff } from '../backoff/backoff.js';
import type { Duration } from '../clock/duration.js';
import type { EventDefinition } from '../event/event-definition.js';
import type { EventId, RunId } from '../id/ids.js';
import type { StoreTransaction } from '../job/job-store.js';
import type { JobHeaders } from '../job/job-record.js';
import type { Scope } from '../scope/scope.js';
import type { StepContext } from './attempt.js';
import type { Jsonify } from './jsonify.js';
import type { RunOptions } from './run-factory.js';
import type { OnParentCancel } from './run-record.js';
import type { WorkflowDefinition } from './workflow-definition.js';

/** How a step is tried. What is left out falls to the engine's defaults. */
export interface StepOptions {
  /** How many failures are followed by another try. 0: none. */
  readonly retries?: number;
  /** How long to wait between tries. */
  readonly backoff?: Backoff;
  /** How long one try may take; 0: no limit. */
  readonly timeout?: Duration;
}

/** The function of a step: what it does happens once, or once more when a process dies in the middle. */
export type StepFunction<T> = (step: StepContext) => T | Promise<T>;

/** An event as a wait returns it. */
export interface ReceivedEvent<Payload = unknown> {
  readonly id: EventId;
  readonly name: string;
  readonly key: string | undefined;
  readonly payload: Jsonify<Payload>;
  readonly createdAt: Date;
}

/** How long a wait goes on; one contract for all waits: when the time is over they return `null`. */
export interface WaitOptions {
  /** From the first arrival at this wait, by the store's clock. Default: no end. */
  readonly timeout?: Duration;
}

export interface WaitForEventOptions<Payload = unknown> extends WaitOptions {
  /** Only events that were published with this key. Left out: of any key, or none. */
  readonly key?: string;
  /** Only events that this accepts. It must be a pure function of the event. */
  readonly match?: (event: ReceivedEvent<Payload>) => boolean;
  /** Also events that were published this long before the run was started. */
  readonly lookback?: Duration;
}

export interface ChildOptions extends RunOptions {
  /** Tells children of one workflow apart in the history. Default: the workflow's name. */
  readonly key?: string;
  /** What becomes of it when this run is cancelled. Default `cancel`. */
  readonly onParentCancel?: OnParentCancel;
}

export interface FanOutOptions {
  /** Most items under way at a time. Default: all of them. */
  readonly concurrency?: number;
}

/** Events by their names in a tuple. */
export type EventName = EventDefinition | string;
type PayloadOf<Name> = Name extends EventDefinition<infer Payload> ? Payload : unknown;

/**
 * What a workflow's method does things with (the seed's `workflow.Context`). The method is run again from the top after each
 * wait, crash or deploy, and what was done already returns what it returned then. Names tell calls apart in the history;
 * a name that is used again gets the number of its occurrence.
 */
export interface WorkflowContext {
  readonly runId: RunId;
  /** The workflow's name. */
  readonly name: string;
  readonly version: number;
  readonly scope: Scope | undefined;
  readonly headers: JobHeaders;
  /** When the run was first claimed. */
  readonly startedAt: Date;
  /** Whether results of an earlier activation are still being handed out: for logging only new things. */
  readonly isReplaying: boolean;

  /**
   * Does something with an effect, once (the seed's `Step` and `StepWithResult`). Its result is recorded, and what it returns,
   * on the first execution as on every replay, is that result as JSON gives it back.
   *
   * @throws RecordedError what the function threw when its tries were over, on the first execution as on every replay
   */
  step<T>(name: string, fn: StepFunction<T>, options?: StepOptions): Promise<Jsonify<Awaited<T>>>;

  /**
   * A step that can be undone (the seed's `StepWithCompensation`): when the run fails or is cancelled later, `undo` is called
   * with its result, the last step's first. Each undo is recorded and retried like a step.
   */
  stepWithCompensation<T>(
    name: string,
    fn: StepFunction<T>,
    undo: (result: Jsonify<Awaited<T>>, step: StepContext) => unknown,
    options?: StepOptions,
  ): Promise<Jsonify<Awaited<T>>>;

  /** Undoes now what can be undone so far (the seed's `RunCompensations`), and goes on. @throws RecordedError when an undo failed */
  runCompensations(): Promise<void>;

  /** The point of no return: what was done before is not undone any more. */
  commit(): Promise<void>;

  /**
   * A step whose record commits with the rows that it writes: exactly once. `fn` gets a transaction of the store's database,
   * a TypeORM `EntityManager` for the TypeORM stores; the memory store has none.
   */
  transaction<T, Transaction extends StoreTransaction = StoreTransaction>(
    name: string,
    fn: (transaction: Transaction, step: StepContext) => Promise<T>,
    options?: StepOptions,
  ): Promise<Jsonify<Awaited<T>>>;

  /**
   * Runs functions side by side and returns their results in order (the seed's `Parallel`). With a name each function is a
   * step; without one they call `wf` themselves. `Promise.all` over steps works as well; this waits for all of them also
   * when one fails.
   */
  parallel<T extends readonly unknown[]>(fns: {
    readonly [Index in keyof T]: () => Promise<T[Index]>;
  }): Promise<{ -readonly [Index in keyof T]: T[Index] }>;
  parallel<T extends readonly unknown[]>(
    name: string,
    fns: { readonly [Index in keyof T]: StepFunction<T[Index]> },
    options?: StepOptions,
  ): Promise<{ -readonly [Index in keyof T]: Jsonify<Awaited<T[Index]>> }>;

  /** Does the same step for each item, each with a record of its own (the seed's `FanOut`). Results in order. */
  fanOut<Item, T>(
    name: string,
    items: readonly Item[],
    fn: (item: Item, step: StepContext, index: number) => T | Promise<T>,
    options?: FanOutOptions & StepOptions,
  ): Promise<Jsonify<Awaited<T>>[]>;

  /** Waits (the seed's `Sleep`). The end is fixed by the first arrival; restarts do not move it. */
  sleep(duration: Duration): Promise<void>;
  sleep(name: string, duration: Duration): Promise<void>;
  sleepUntil(date: Date): Promise<void>;
  sleepUntil(name: string, date: Date): Promise<void>;

  /**
   * Waits for an event that was published since the run was started (the seed's `WaitForEvent`).
   *
   * @returns `null` when the timeout is over
   */
  waitForEvent<Payload = unknown>(
    event: EventDefinition<Payload> | string,
    options?: WaitForEventOptions<Payload>,
  ): Promise<ReceivedEvent<Payload> | null>;

  /** Waits for the first of several events (the seed's `WaitForAny`). @returns `null` when the timeout is over */
  waitForAny<const Names extends readonly EventName[]>(
    events: Names,
    options?: Omit<WaitForEventOptions, 'match'>,
  ): Promise<{ readonly name: string; readonly event: ReceivedEvent<PayloadOf<Names[number]>> } | null>;

  /** Waits for all of several events. @returns them in order, or `null` when the timeout is over before the last has come */
  waitForAll<const Names extends readonly EventName[]>(
    events: Names,
    options?: Omit<WaitForEventOptions, 'match'>,
  ): Promise<{ -readonly [Index in keyof Names]: ReceivedEvent<PayloadOf<Names[Index]>> } | null>;

  /**
   * Starts a run of another workflow and waits for its output (the seed's `RunChild`).
   *
   * @throws RecordedError the error of a child that failed or was cancelled
   */
  runChild<Input, Output>(
    workflow: WorkflowDefinition<Input, Output>,
    input: Input,
    options?: ChildOptions,
  ): Promise<Jsonify<Output>>;
  runChild<Output = unknown>(workflow: string, input?: unknown, options?: ChildOptions): Promise<Jsonify<Output>>;

  /** Starts a run of another workflow, and does not wait for it (the seed's `SpawnChild`). */
  spawnChild<Input>(
    workflow: WorkflowDefinition<Input> | string,
    input?: Input,
    options?: ChildOptions,
  ): Promise<RunId>;

  /** A child for each input; their outputs in order. */
  fanOutChildren<Input, Output>(
    workflow: WorkflowDefinition<Input, Output>,
    inputs: readonly Input[],
    options?: FanOutOptions & ChildOptions,
  ): Promise<Jsonify<Output>[]>;

  /** The store's time when this was first called here. */
  now(): Date;
  /** A number from 0 to 1, the same in every replay. */
  random(): number;
  /** A random UUID, the same in every replay. */
  uuid(): string;

  /**
   * Whether this run takes the new path of a changed method: true for runs that come here for the first time after the
   * change, false for those whose history is from before.
   */
  patched(id: string): boolean;

  /** Says where the run stands: any JSON value, shown with the run. */
  setStatus(status: unknown): void;
}
