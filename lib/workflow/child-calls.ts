import { type RunId, newRunId } from '../id/ids.js';
import { type Made, completed, failedBy } from './made.js';
import type { Operations } from './operations.js';
import { childWait } from './run-waits.js';
import type { NewRun } from './run-record.js';
import type { EndedChild } from './wait.js';
import type { ChildOptions } from './workflow-context.js';
import type { WorkflowDefinition } from './workflow-definition.js';
import { RunCancelledError } from './workflow-errors.js';
import type { WorkflowRegistry } from './workflow-registry.js';

type Workflow = WorkflowDefinition | string;

/** Starts children, and waits for them. */
export class ChildCalls {
  constructor(
    private readonly operations: Operations,
    private readonly registry: WorkflowRegistry,
  ) {}

  run(workflow: Workflow, input: unknown, options: ChildOptions = {}): Promise<unknown> {
    const { operations } = this;
    const { activation } = operations;
    return operations.perform(
      'child',
      labelOf(workflow, options),
      async (key) => {
        const former = activation.board.former(key)?.childRunId;
        const id = former ?? newRunId();
        if (!former) activation.outbox.child(await this.child(id, key, workflow, input, options));
        const result = await activation.wait({ parts: [childWait(key, id)] });
        return result.kind === 'child' ? this.toMade(result.child) : completed(null);
      },
      (value) => value,
    );
  }

  spawn(id: RunId, workflow: Workflow, input: unknown, options: ChildOptions = {}): Promise<RunId> {
    const { operations } = this;
    const { activation } = operations;
    return operations.perform(
      'spawn',
      labelOf(workflow, options),
      async (key) => {
        activation.outbox.child(await this.child(id, key, workflow, input, options));
        return completed(activation.encode(key, id));
      },
      (value) => value as RunId,
    );
  }

  private async child(
    id: RunId,
    key: string,
    workflow: Workflow,
    input: unknown,
    { key: _, onParentCancel = 'cancel', ...options }: ChildOptions,
  ): Promise<NewRun> {
    const { run, host } = this.operations.activation;
    const registered = this.registry.resolve(workflow, options.version);
    // A step that is done anew starts a child of its own.
    const parentKey = run.generation === 1 ? key : `${key}@${run.generation}`;
    const child = host.factory.createChild(id, registered, input, options, { parent: run, parentKey, onParentCancel });
    if (registered.validate) await registered.validate(host.codecs.decode(child.codec, child.input));
    return child;
  }

  /** The end of a child as the record of the call that waited for it. */
  private toMade({ id, state, output, codec, error }: EndedChild): Omit<Made, 'key'> {
    const { activation } = this.operations;
    if (state !== 'completed') return { ...failedBy(new RunCancelledError(id)), ...(error ? { error } : {}) };
    try {
      return completed(activation.encode(`the output of run ${id}`, activation.host.codecs.decode(codec, output)));
    } catch (thrown) {
      return failedBy(thrown);
    }
  }
}

function labelOf(workflow: Workflow, { key }: ChildOptions): string {
  return key ?? (typeof workflow === 'string' ? workflow : workflow.name);
}
