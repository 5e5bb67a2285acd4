import { type BackoffSpec, toBackoffSpec } from '../backoff/backoff.js';
import { type Duration, toMs } from '../clock/duration.js';
import type { CodecRegistry } from '../codec/payload-codec.js';
import { InvalidOptionsError } from '../errors.js';
import { newJobId } from '../id/ids.js';
import type { Carrier } from '../scope/carrier.js';
import type { ScopePolicy } from '../scope/scope-policy.js';
import type { Scope } from '../scope/scope.js';
import { checkHeaders, checkKey, checkName, checkPriority, checkRetries } from './checks.js';
import { encodePayload } from './encode-payload.js';
import type { EnqueueOptions } from './job-options.js';
import type { JobHeaders, NewJob, OnConflict } from './job-record.js';
import type { RegisteredJob } from './job-registry.js';

/** The engine's side of the options merge: engine defaults < definition < call. */
export interface JobDefaults {
  readonly queue: string;
  readonly maxRetries: number;
  readonly timeoutMs: number;
  readonly maxPayloadBytes: number;
  readonly scopes: ScopePolicy;
  readonly codecs: CodecRegistry;
  readonly carrier?: Carrier | undefined;
}

const NO_OPTIONS: EnqueueOptions = {};
const NO_SCOPE: Scope = { appId: '', orgId: '' };
/** Options that say more of a unique key. */
const OF_A_KEY = ['uniqueFor', 'onConflict'] as const;
const ON_CONFLICT: readonly unknown[] = ['ignore', 'replace', 'error'] satisfies OnConflict[];

/** Builds the rows that `enqueue` inserts. */
export class JobFactory {
  constructor(private readonly defaults: JobDefaults) {}

  /**
   * A job of this definition, with a new id; the payload is taken as it is now.
   *
   * @throws InvalidOptionsError, PayloadError, ScopeRequiredError
   */
  create(definition: RegisteredJob, input: unknown, call: EnqueueOptions = NO_OPTIONS): NewJob {
    const { defaults } = this;
    const own = definition.options;
    checkCall(call);
    const scope = defaults.scopes.resolve('enqueue', call.scope) ?? NO_SCOPE;
    return {
      id: newJobId(),
      name: definition.name,
      queue: call.queue === undefined ? (own.queue ?? defaults.queue) : checkName('queue', call.queue),
      payload: encodePayload(`job "${definition.name}"`, input, defaults.codecs.current, defaults.maxPayloadBytes),
      codec: defaults.codecs.current.name,
      priority: call.priority === undefined ? (own.priority ?? 0) : checkPriority(call.priority),
      maxRetries:
        call.maxRetries === undefined ? (own.maxRetries ?? defaults.maxRetries) : checkRetries(call.maxRetries),
      timeoutMs:
        call.timeout === undefined
          ? (definition.timeoutMs ?? defaults.timeoutMs)
          : checkDuration('timeout', call.timeout),
      backoff: call.backoff === undefined ? null : checkBackoff(call.backoff),
      uniqueKey: call.uniqueKey === undefined ? null : checkKey('uniqueKey', call.uniqueKey),
      groupKey: call.groupKey === undefined ? null : checkKey('groupKey', call.groupKey),
      headers: headersOf(call, defaults.carrier),
      scopeAppId: scope.appId,
      scopeOrgId: scope.orgId,
      cronId: null,
      cronAt: null,
      runAt: call.runAt === undefined ? null : checkDate('runAt', call.runAt),
      delayMs: call.delay === undefined ? 0 : checkDuration('delay', call.delay),
      uniqueForMs: call.uniqueFor === undefined ? null : checkDuration('uniqueFor', call.uniqueFor),
      onConflict: checkOnConflict(call.onConflict),
    };
  }
}

/** What options do not say alone. An option that would do nothing is a mistake, and often a dear one. */
function checkCall(call: EnqueueOptions): void {
  if (typeof call !== 'object' || call === null) {
    throw new InvalidOptionsError(
      `the options of a call must be an object such as { delay: '5m' } (got ${call === null ? 'null' : typeof call}).`,
    );
  }
  if (call.runAt !== undefined && call.delay !== undefined) {
    throw new InvalidOptionsError('"runAt" and "delay" exclude each other: pass the one that you mean.');
  }
  if (call.uniqueKey !== undefined) return;
  for (const option of OF_A_KEY) {
    if (call[option] === undefined) continue;
    throw new InvalidOptionsError(
      `"${option}" does nothing without "uniqueKey": pass the key that is to be unique, or leave "${option}" out.`,
    );
  }
}

/** What the carrier captured, and what the call says, which goes before it. */
function headersOf({ headers }: EnqueueOptions, carrier: Carrier | undefined): JobHeaders | null {
  const own = headers === undefined ? null : checkHeaders(headers);
  const carried = carrier?.capture();
  return carried ? checkHeaders({ ...checkHeaders(carried), ...own }) : own;
}

function checkDate(label: string, value: unknown): number {
  const ms = value instanceof Date ? value.getTime() : Number.NaN;
  if (Number.isNaN(ms) || ms < 0)
    throw new InvalidOptionsError(`"${label}" must be a valid Date (got ${String(value)}).`);
  return ms;
}

function checkDuration(label: string, value: Duration): number {
  try {
    return toMs(value, label);
  } catch (cause) {
    throw new InvalidOptionsError((cause as Error).message, { cause });
  }
}

function checkBackoff(value: BackoffSpec): BackoffSpec {
  let spec: BackoffSpec | undefined;
  try {
    spec = toBackoffSpec(value);
  } catch (cause) {
    throw new InvalidOptionsError((cause as Error).message, { cause });
  }
  if (!spec) {
    throw new InvalidOptionsError(
      '"backoff" of a call must be data such as { type, initial }, as it is stored with the job (got an object with its own delay). Give a strategy written by hand to the definition of the handler.',
    );
  }
  return spec;
}

function checkOnConflict(value: OnConflict | undefined): OnConflict {
  if (value !== undefined && !ON_CONFLICT.includes(value)) {
    throw new InvalidOptionsError(`"onConflict" must be 'ignore', 'replace' or 'error' (got ${String(value)}).`);
  }
  return value ?? 'ignore';
}
