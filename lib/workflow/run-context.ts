import type { Duration } from '../clock/duration.js';
import { type EventDefinition, eventNameOf } from '../event/event-definition.js';
import { InvalidOptionsError } from '../errors.js';
import { type RunId, newRunId } from '../id/ids.js';
import { scopeOf } from '../job/job.js';
import type { JobHeaders } from '../job/job-record.js';
import type { StoreTransaction } from '../job/job-store.js';
import type { Scope } from '../scope/scope.js';
import type { Activation } from './activation.js';
import type { StepContext } from './attempt.js';
import { bounded } from './bounded.js';
import { ChildCalls } from './child-calls.js';
import { EventCalls } from './event-calls.js';
import { completed } from './made.js';
import { Operations } from './operations.js';

import { sleepWait } from './run-waits.js';
import { noteParked } from './until-parked.js';
import type { NewWait } from './wait.js';
import { checkDuration } from './workflow-checks.js';
import type {
  ChildOptions,
  EventName,
  FanOutOptions,
  ReceivedEvent,
  StepFunction,
  StepOptions,
  WaitForEventOptions,
  WorkflowContext,
} from './workflow-context.js';
import type { WorkflowDefinition } from './workflow-definition.js';
import type { WorkflowRegistry } from './workflow-registry.js';

const NO_HEADERS: JobHeaders = Object.freeze({});

/** What the method of a run is given. The types of results are those of {@link WorkflowContext}. */
class RunContext {
  private readonly operations: Operations;
  private readonly events: EventCalls;
  private readonly children: ChildCalls;

  constructor(
    private readonly activation: Activation,
    registry: WorkflowRegistry,
  ) {
    this.operations = new Operations(activation);
    this.events = new EventCalls(this.operations);
    this.children = new ChildCalls(this.operations, registry);
  }

  get runId(): RunId {
    return this.activation.run.id;
  }
  get name(): string {
    return this.activation.run.name;
  }
  get version(): number {
    return this.activation.run.version;
  }
  get scope(): Scope | undefined {
    return scopeOf(this.activation.run);
  }
  get headers(): JobHeaders {
    return this.activation.run.headers ?? NO_HEADERS;
  }
  get startedAt(): Date {
    return new Date(this.activation.run.startedAt);
  }
  get isReplaying(): boolean {
    return !this.activation.replay.isOver;
  }

  step(name: string, fn: StepFunction<unknown>, options?: StepOptions): Promise<unknown> {
    return this.operations.step(name, fn, options);
  }

  stepWithCompensation(
    name: string,
    fn: StepFunction<unknown>,
    undo: (result: unknown, step: StepContext) => unknown,
    options?: StepOptions,
  ): Promise<unknown> {
    return this.operations.undoableStep(name, fn, undo, options);
  }

  runCompensations(): Promise<void> {
    return this.operations.runCompensations();
  }

  async commit(): Promise<void> {
    const { compensations } = this.activation;
    await this.operations.perform(
      'commit',
      'commit',
      async () => completed(null),
      () => undefined,
      () => compensations.clear(),
    );
  }

  transaction(
    name: string,
    fn: (transaction: StoreTransaction, step: StepContext) => Promise<unknown>,
    options?: StepOptions,
  ): Promise<unknown> {
    return this.operations.transaction(name, fn, options);
  }

  async parallel(
    first: string | readonly (() => Promise<unknown>)[],
    fns: readonly StepFunction<unknown>[] = [],
    options?: StepOptions,
  ): Promise<unknown[]> {
    if (typeof first !== 'string') return bounded(first, first.length, (fn) => fn());
    return this.fanOut(first, fns, (fn, step) => fn(step), options);
  }

  async fanOut<Item>(
    name: string,
    items: readonly Item[],
    fn: (item: Item, step: StepContext, index: number) => unknown,
    options: FanOutOptions & StepOptions = {},
  ): Promise<unknown[]> {
    return bounded(items, checkConcurrency(options, items.length), (item, index) =>
      this.operations.step(`${name}[${index}]`, (step) => fn(item, step, index), options),
    );
  }

  sleep(...args: readonly [Duration] | readonly [string, Duration]): Promise<void> {
    const [name, length] = args.length === 1 ? ['sleep', args[0]] : args;
    return this.rest(name, () => ({ inMs: checkDuration('duration', length) }));
  }

  sleepUntil(first: string | Date, date?: Date): Promise<void> {
    const [name, end] = date === undefined ? ['sleep', first as Date] : [first as string, date];
    return this.rest(name, () => {
      const at = end instanceof Date ? end.getTime() : Number.NaN;
      if (Number.isNaN(at)) throw new InvalidOptionsError(`"date" must be a valid Date (got ${String(end)}).`);
      return { at };
    });
  }

  private rest(name: string, due: () => NonNullable<NewWait['due']>): Promise<void> {
    const { activation } = this;
    return this.operations.perform(
      'sleep',
      name,
      async (key) => {
        await activation.wait({ parts: [sleepWait(key, due())] });
        return completed(null);
      },
      () => undefined,
    );
  }

  waitForEvent(
    event: EventDefinition | string,
    options: WaitForEventOptions<never> = {},
  ): Promise<ReceivedEvent | null> {
    return this.events.one(eventNameOf(event), options);
  }

  waitForAny(
    events: readonly EventName[],
    options: WaitForEventOptions<never> = {},
  ): Promise<{ readonly name: string; readonly event: ReceivedEvent } | null> {
    return this.events.any(events, options);
  }

  waitForAll(
    events: readonly EventName[],
    options: WaitForEventOptions<never> = {},
  ): Promise<readonly ReceivedEvent[] | null> {
    return this.events.all(events, options);
  }

  runChild(workflow: WorkflowDefinition | string, input?: unknown, options?: ChildOptions): Promise<unknown> {
    return this.children.run(workflow, input, options);
  }

  spawnChild(workflow: WorkflowDefinition | string, input?: unknown, options?: ChildOptions): Promise<RunId> {
    return this.children.spawn(newRunId(), workflow, input, options);
  }

  async fanOutChildren(
    workflow: WorkflowDefinition | string,
    inputs: readonly unknown[],
    options: FanOutOptions & ChildOptions = {},
  ): Promise<unknown[]> {
    const { concurrency: _, ...child } = options;
    const name = child.key ?? (typeof workflow === 'string' ? workflow : workflow.name);
    return bounded(inputs, checkConcurrency(options, inputs.length), (input, index) =>
      this.children.run(workflow, input, { ...child, key: `${name}[${index}]` }),
    );
  }

  now(): Date {
    return new Date(this.operations.value('now', 'now', () => this.activation.now));
  }

  random(): number {
    return this.operations.value('random', 'random', () => this.activation.host.clock.random());
  }

  uuid(): string {
    return this.operations.uuid();
  }

  patched(id: string): boolean {
    return this.patches.get(id) ?? this.decidePatch(id);
  }

  private readonly patches = new Map<string, boolean>();

  /** One answer for the whole run: what was decided when the method first came here. */
  private decidePatch(id: string): boolean {
    const isNew = this.operations.value('patch', id, () => this.activation.replay.isOver);
    this.patches.set(id, isNew);
    return isNew;
  }

  setStatus(status: unknown): void {
    if (!this.activation.isClosed) this.activation.setStatus(status);
  }
}

function checkConcurrency({ concurrency }: FanOutOptions, all: number): number {
  if (concurrency === undefined) return all;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new InvalidOptionsError(
      `"concurrency" must be a whole number of at least 1 (got ${String(concurrency)}). Leave it out for no limit.`,
    );
  }
  return concurrency;
}

/** What the method of a run is given. @param registry where workflows of children are looked up */
export function createContext(activation: Activation, registry: WorkflowRegistry): WorkflowContext {
  const context = new RunContext(activation, registry) as unknown as WorkflowContext;
  noteParked(context, activation.parked);
  return context;
}
