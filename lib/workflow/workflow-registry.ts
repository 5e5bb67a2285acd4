import { toMs } from '../clock/duration.js';
import { InvalidOptionsError } from '../errors.js';
import { checkName, checkRetries } from '../job/checks.js';
import { type PayloadValidator, createPayloadValidator } from '../job/payload-validator.js';
import { checkVersion } from './workflow-checks.js';
import type { WorkflowContext } from './workflow-context.js';
import type { WorkflowDefinition } from './workflow-definition.js';

/**
 * What runs a workflow (the seed's `workflow.HandlerFunc`). It is run again from the top after each wait, crash or deploy:
 * everything that has an effect, or may come out differently, is done through `wf`.
 */
export type WorkflowHandler<Input = unknown, Output = unknown> = (
  input: Input,
  wf: WorkflowContext,
) => Output | Promise<Output>;

/** What a process knows of one version of a workflow. */
export interface RegisteredWorkflow {
  readonly name: string;
  readonly version: number;
  readonly options: WorkflowDefinition;
  readonly timeoutMs: number | undefined;
  readonly validate: PayloadValidator | undefined;
  readonly handler: WorkflowHandler | undefined;
  /** Who registered the handler, for messages. */
  readonly owner: string | undefined;
}

/** The workflows of a process (the seed's `workflow.Registry`), each in one version or several. */
export class WorkflowRegistry {
  private readonly byName = new Map<string, Map<number, RegisteredWorkflow>>();
  private present: readonly { readonly name: string; readonly version: number }[] = [];

  /**
   * Registers the method of one version of a workflow.
   *
   * @param owner who it is, such as `OrderService.pipeline`, for messages
   * @throws InvalidOptionsError when another owner has that name and version, or an option is wrong
   */
  register(
    definition: WorkflowDefinition,
    handler: WorkflowHandler,
    owner = handler.name || 'anonymous method',
  ): RegisteredWorkflow {
    const workflow = describe(definition, handler, owner);
    const known = this.get(workflow.name, workflow.version);
    if (known?.handler) {
      throw new InvalidOptionsError(
        `two methods claim version ${workflow.version} of the workflow "${workflow.name}": ${known.owner} and ${owner}. Give one of them another name or version.`,
      );
    }
    let versions = this.byName.get(workflow.name);
    if (!versions) this.byName.set(workflow.name, (versions = new Map<number, RegisteredWorkflow>()));
    versions.set(workflow.version, workflow);
    this.collect();
    return workflow;
  }

  /** Removes a method; its runs are left for other processes. */
  unregister({ name, version }: RegisteredWorkflow): void {
    this.byName.get(name)?.delete(version);
    this.collect();
  }

  get(name: string, version: number): RegisteredWorkflow | undefined {
    return this.byName.get(name)?.get(version);
  }

  /**
   * What a start means: the version that a definition or the call names, else the latest that is registered here, else 1.
   *
   * @throws InvalidOptionsError
   */
  resolve(workflow: WorkflowDefinition | string, version?: number): RegisteredWorkflow {
    if (typeof workflow !== 'string' && typeof workflow?.name !== 'string') {
      throw new InvalidOptionsError(
        `a workflow is named by a definition from defineWorkflow or by a text (got ${typeof workflow}).`,
      );
    }
    const name = typeof workflow === 'string' ? checkName('workflow name', workflow) : workflow.name;
    const wanted = version ?? (typeof workflow === 'string' ? undefined : workflow.version);
    const versions = this.byName.get(name);
    const latest = versions?.size ? Math.max(...versions.keys()) : 1;
    const number = wanted === undefined ? latest : checkVersion(wanted);
    const known = versions?.get(number);
    if (known) return known;
    const definition = typeof workflow === 'string' ? { name } : workflow;
    return describe({ ...definition, version: number }, undefined, undefined);
  }

  /** The names and versions that have a method here. The same array until one comes or goes. */
  workflows(): readonly { readonly name: string; readonly version: number }[] {
    return this.present;
  }

  private collect(): void {
    this.present = [...this.byName.values()].flatMap((versions) =>
      [...versions.values()].map(({ name, version }) => ({ name, version })),
    );
  }
}

function describe(
  definition: WorkflowDefinition,
  handler: WorkflowHandler | undefined,
  owner: string | undefined,
): RegisteredWorkflow {
  const name = checkName('workflow name', definition.name);
  try {
    if (definition.maxRetries !== undefined) checkRetries(definition.maxRetries);
    return {
      name,
      version: checkVersion(definition.version ?? 1),
      options: definition,
      timeoutMs: definition.timeout === undefined ? undefined : toMs(definition.timeout, 'timeout'),
      validate: definition.input && createPayloadValidator(name, definition.input),
      handler,
      owner,
    };
  } catch (cause) {
    throw new InvalidOptionsError(`workflow "${name}": ${(cause as Error).message}`, { cause });
  }
}
