import type { CodecRegistry } from '../codec/payload-codec.js';
import { InvalidOptionsError, RunNotFoundError } from '../errors.js';
import { type RunId, parseRunId } from '../id/ids.js';
import { checkName } from '../job/checks.js';
import type { Scope } from '../scope/scope.js';
import type { ScopeOption, ScopePolicy } from '../scope/scope-policy.js';
import { checkpointKindOf, checkpointNameOf } from './checkpoint.js';
import type { CancelMode, RunRecord } from './run-record.js';
import { RUN_STATES, isRunState } from './run-state.js';
import { type Run, toRun } from './run.js';
import { type TimelineEntry, toTimelineEntry } from './timeline.js';
import { checkVersion } from './workflow-checks.js';
import type { ListRunsOptions, RunCounts, RunFilter, WorkflowStore } from './workflow-store.js';

/** A page of runs, newest first unless asked otherwise. */
export interface RunList {
  readonly runs: readonly Run[];
  /** Pass it as `cursor` for the next page; left out on the last one. */
  readonly nextCursor?: string;
}

interface TimeRange {
  /** Created at or after. */
  readonly since?: Date | undefined;
  /** Created before. */
  readonly until?: Date | undefined;
}

/** Filters of a list or count, with times as `Date`. */
export type ListRunsQuery = Omit<ListRunsOptions, 'since' | 'until' | 'scope' | 'parentRunId'> &
  ScopeOption &
  TimeRange & {
    /** Only the children of this run. */
    readonly parentRunId?: string;
  };
export type CountRunsQuery = Omit<ListRunsQuery, 'states' | 'limit' | 'order' | 'cursor'>;

export interface CancelRunQuery extends ScopeOption {
  /** Whether steps that can be undone are undone first. Default true. */
  readonly compensate?: boolean;
}

export interface RunServiceOptions {
  readonly store: () => Promise<WorkflowStore>;
  readonly scopes: ScopePolicy;
  readonly codecs: CodecRegistry;
}

/** Looks at runs and steers them (`dispatch.runs`). Everything is limited to the current scope, or the one given. */
export class RunService {
  constructor(private readonly options: RunServiceOptions) {}

  /** @returns `null` when there is no such run @throws InvalidIdError */
  async get<Input = unknown, Output = unknown>(
    id: string,
    options: ScopeOption = {},
  ): Promise<Run<Input, Output> | null> {
    const scope = this.options.scopes.resolve('runs.get', options.scope);
    const record = await (await this.options.store()).getRun(parseRunId(id), scope);
    return record && toRun<Input, Output>(record, this.options.codecs);
  }

  /** @throws InvalidOptionsError for an unknown state or order, a filter that is no name or time, or a foreign cursor */
  async list(query: ListRunsQuery = {}): Promise<RunList> {
    const scope = this.options.scopes.resolve('runs.list', query.scope);
    checkStates(query.states);
    const { states, limit, order, cursor } = query;
    const paging = Object.fromEntries(
      Object.entries({ states, limit, order, cursor }).filter(([, value]) => value !== undefined),
    );
    const page = await (await this.options.store()).listRuns({ ...paging, ...toFilter(query, scope) });
    const runs = page.runs.map((record) => toRun(record, this.options.codecs));
    return { runs, ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }) };
  }

  /** The runs that a run started, oldest first. @throws InvalidIdError */
  async children(id: string, options: Omit<ListRunsQuery, 'parentRunId'> = {}): Promise<RunList> {
    return this.list({ order: 'asc', ...options, parentRunId: id });
  }

  /** How many runs there are in each state. */
  async counts(query: CountRunsQuery = {}): Promise<RunCounts> {
    const scope = this.options.scopes.resolve('runs.counts', query.scope);
    return (await this.options.store()).countRuns(toFilter(query, scope));
  }

  /**
   * Cancels a run: one that waits at once, one that a worker holds by asking the worker, on whichever node that is. Steps
   * that can be undone are undone first, unless `compensate` is false. Its children are cancelled with it, but for those
   * that were started with `onParentCancel: 'abandon'`.
   *
   * @returns the run: cancelled, compensating or still running with `cancelRequestedAt` set
   * @throws RunNotFoundError, InvalidStateError when it has ended, InvalidIdError
   */
  async cancel(id: string, options: CancelRunQuery = {}): Promise<Run> {
    const scope = this.options.scopes.resolve('runs.cancel', options.scope);
    const mode: CancelMode = options.compensate === false ? 'stop' : 'compensate';
    const store = await this.options.store();
    const { run } = await store.cancelRun(parseRunId(id), { mode, ...(scope ? { scope } : {}) });
    return toRun(run, this.options.codecs);
  }

  /**
   * Lets a failed or cancelled run go on: steps that failed run again, those that completed do not, unless they were undone.
   *
   * @throws RunNotFoundError, InvalidStateError, InvalidIdError
   */
  retry(id: string, options: ScopeOption = {}): Promise<Run> {
    return this.act('runs.retry', id, options, (store, runId, scope) => store.retryRun(runId, scope));
  }

  /**
   * Makes a run that waits go on now: one that cannot, as its code did not fit its history, tries again; one that sleeps
   * looks again and goes on sleeping.
   *
   * @throws RunNotFoundError, InvalidStateError, InvalidIdError
   */
  resume(id: string, options: ScopeOption = {}): Promise<Run> {
    return this.act('runs.resume', id, options, (store, runId, scope) => store.resumeRun(runId, scope));
  }

  /**
   * Runs a run again from a step on, with the results of the steps before it (the seed's `ReplayFrom`). What was recorded
   * stays in the timeline, under its generation.
   *
   * @param step a key of the timeline, or the name of a step
   * @throws RunNotFoundError, InvalidStateError when a worker holds it or there is no such step, InvalidIdError
   */
  async replayFrom(id: string, step: string, options: ScopeOption = {}): Promise<Run> {
    const key = (await this.inspectStep(id, step, options))?.key ?? step;
    return this.act('runs.replayFrom', id, options, (store, runId, scope) => store.replayRun(runId, key, scope));
  }

  /** Moves a run that no worker holds to another version (the seed's `MigrateRun`). @throws RunNotFoundError, InvalidStateError, InvalidOptionsError, InvalidIdError */
  migrate(id: string, version: number, options: ScopeOption = {}): Promise<Run> {
    checkVersion(version);
    return this.act('runs.migrate', id, options, (store, runId, scope) => store.migrateRun(runId, version, scope));
  }

  /** All that a run has recorded, in order (the seed's `GetTimeline`). @throws RunNotFoundError, InvalidIdError */
  async timeline(id: string, options: ScopeOption = {}): Promise<readonly TimelineEntry[]> {
    const scope = this.options.scopes.resolve('runs.timeline', options.scope);
    const store = await this.options.store();
    const run = await this.existing(store, id, scope);
    const records = await store.listCheckpoints(run.id, scope);
    return records.map((record) => toTimelineEntry(record, run.codec, this.options.codecs));
  }

  /**
   * One entry of the timeline that counts (the seed's `InspectStep`).
   *
   * @param step a key of the timeline, or a name: that of a step, else of anything
   * @returns `null` when there is none
   * @throws RunNotFoundError, InvalidIdError
   */
  async inspectStep(id: string, step: string, options: ScopeOption = {}): Promise<TimelineEntry | null> {
    const entries = await this.timeline(id, options);
    const generation = Math.max(...entries.map((entry) => entry.generation));
    const current = entries.filter((entry) => entry.generation === generation);
    return (
      current.find(({ key }) => key === step) ??
      current.find(({ key }) => checkpointKindOf(key) === 'step' && checkpointNameOf(key) === step) ??
      current.find(({ key }) => checkpointNameOf(key) === step) ??
      null
    );
  }

  private async existing(store: WorkflowStore, id: string, scope: Scope | undefined): Promise<RunRecord> {
    const run = await store.getRun(parseRunId(id), scope);
    if (!run) throw new RunNotFoundError(id);
    return run;
  }

  private async act(
    action: string,
    id: string,
    options: ScopeOption,
    work: (store: WorkflowStore, id: RunId, scope: Scope | undefined) => Promise<RunRecord>,
  ): Promise<Run> {
    const scope = this.options.scopes.resolve(action, options.scope);
    return toRun(await work(await this.options.store(), parseRunId(id), scope), this.options.codecs);
  }
}

function checkStates(states: unknown): void {
  if (states === undefined || (Array.isArray(states) && states.every(isRunState))) return;
  const wrong: unknown = Array.isArray(states) ? states.find((state) => !isRunState(state)) : states;
  throw new InvalidOptionsError(
    `"states" must be a list of some of ${RUN_STATES.join(', ')} (got ${JSON.stringify(wrong)}).`,
  );
}

function toFilter({ name, parentRunId, since, until }: CountRunsQuery, scope: Scope | undefined): RunFilter {
  return {
    ...(name === undefined ? {} : { name: checkName('name', name) }),
    ...(parentRunId === undefined ? {} : { parentRunId: parseRunId(parentRunId) }),
    ...(since === undefined ? {} : { since: toTime('since', since) }),
    ...(until === undefined ? {} : { until: toTime('until', until) }),
    ...(scope ? { scope } : {}),
  };
}

function toTime(label: string, value: unknown): number {
  const ms = value instanceof Date ? value.getTime() : Number.NaN;
  if (Number.isNaN(ms)) throw new InvalidOptionsError(`"${label}" must be a valid Date (got ${String(value)}).`);
  return ms;
}
