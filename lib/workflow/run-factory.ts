import type { Duration } from '../clock/duration.js';
import type { CodecRegistry } from '../codec/payload-codec.js';
import { InvalidOptionsError } from '../errors.js';
import { type RunId, newRunId } from '../id/ids.js';
import { checkHeaders, checkKey, checkName, checkRetries } from '../job/checks.js';
import { encodePayload } from '../job/encode-payload.js';
import type { JobHeaders } from '../job/job-record.js';
import type { Carrier } from '../scope/carrier.js';
import type { ScopePolicy } from '../scope/scope-policy.js';
import type { Scope } from '../scope/scope.js';
import type { NewRun, OnParentCancel, RunFacts } from './run-record.js';
import { checkDuration, checkVersion } from './workflow-checks.js';
import type { RegisteredWorkflow } from './workflow-registry.js';

/** What one start of a run may decide. */
export interface RunOptions {
  /** Another version than the latest. */
  readonly version?: number;
  readonly timeout?: Duration;
  readonly maxRetries?: number;
}

/** What one call of `startWorkflow` may decide. */
export interface StartRunOptions extends RunOptions {
  /** Of the runs of one workflow and scope only one has this key, also after its end. At most 512 characters. */
  readonly idempotencyKey?: string;
  /** Text that travels with the run. */
  readonly headers?: JobHeaders;
  /** Instead of the current scope. */
  readonly scope?: Partial<Scope>;
}

/** What binds a child to its parent. */
export interface Parentage {
  readonly parent: Pick<RunFacts, 'id' | 'scopeAppId' | 'scopeOrgId' | 'headers'>;
  readonly parentKey: string;
  readonly onParentCancel: OnParentCancel;
}

export interface RunDefaults {
  readonly maxRetries: number;
  readonly maxPayloadBytes: number;
  readonly scopes: ScopePolicy;
  readonly codecs: CodecRegistry;
  readonly carrier?: Carrier | undefined;
}

const NO_SCOPE: Scope = { appId: '', orgId: '' };

/** Builds the rows of runs. */
export class RunFactory {
  constructor(private readonly defaults: RunDefaults) {}

  /** A run of this workflow; the input is taken as it is now. @throws InvalidOptionsError, PayloadError, ScopeRequiredError */
  create(workflow: RegisteredWorkflow, input: unknown, options: StartRunOptions = {}): NewRun {
    const { scopes, carrier } = this.defaults;
    const scope = scopes.resolve('startWorkflow', options.scope) ?? NO_SCOPE;
    const own = options.headers === undefined ? null : checkHeaders(options.headers);
    const carried = carrier?.capture();
    return {
      ...this.facts(workflow, input, options),
      id: newRunId(),
      idempotencyKey: options.idempotencyKey === undefined ? null : checkKey('idempotencyKey', options.idempotencyKey),
      parentRunId: null,
      parentKey: null,
      onParentCancel: 'cancel',
      headers: carried ? checkHeaders({ ...checkHeaders(carried), ...own }) : own,
      scopeAppId: scope.appId,
      scopeOrgId: scope.orgId,
    };
  }

  /** A run that another one starts: of its scope, and with its headers. */
  createChild(
    id: RunId,
    workflow: RegisteredWorkflow,
    input: unknown,
    options: RunOptions,
    { parent, parentKey, onParentCancel }: Parentage,
  ): NewRun {
    if (onParentCancel !== 'cancel' && onParentCancel !== 'abandon') {
      throw new InvalidOptionsError(`"onParentCancel" must be 'cancel' or 'abandon' (got ${String(onParentCancel)}).`);
    }
    return {
      ...this.facts(workflow, input, options),
      id,
      idempotencyKey: null,
      parentRunId: parent.id,
      parentKey,
      onParentCancel,
      headers: parent.headers,
      scopeAppId: parent.scopeAppId,
      scopeOrgId: parent.scopeOrgId,
    };
  }

  private facts(
    workflow: RegisteredWorkflow,
    input: unknown,
    options: RunOptions,
  ): Pick<RunFacts, 'name' | 'version' | 'input' | 'codec' | 'timeoutMs' | 'maxRetries'> {
    const { codecs, maxPayloadBytes } = this.defaults;
    const name = checkName('workflow name', workflow.name);
    return {
      name,
      version: options.version === undefined ? workflow.version : checkVersion(options.version),
      input: encodePayload(`workflow "${name}"`, input, codecs.current, maxPayloadBytes),
      codec: codecs.current.name,
      timeoutMs: options.timeout === undefined ? (workflow.timeoutMs ?? 0) : checkDuration('timeout', options.timeout),
      maxRetries:
        options.maxRetries === undefined
          ? (workflow.options.maxRetries ?? this.defaults.maxRetries)
          : checkRetries(options.maxRetries),
    };
  }
}
