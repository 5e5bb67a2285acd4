import { type Duration, toMs } from '../clock/duration.js';
import type { PayloadCodec } from '../codec/payload-codec.js';
import { InvalidOptionsError } from '../errors.js';
import { checkName } from '../job/checks.js';
import type { EngineOptions, QueueOption, ResolvedOptions } from './options.js';

/** An option that is there but undefined means its default. */
export function withoutUndefined(options: EngineOptions): EngineOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as EngineOptions;
}

/** The queues with how many slots each may take. @throws InvalidOptionsError */
export function resolveQueues(queues: readonly QueueOption[], concurrency: number): ResolvedOptions['queues'] {
  if (!Array.isArray(queues))
    throw new InvalidOptionsError(`"queues" must be a list of queue names (got ${typeof queues}).`);
  if (queues.length === 0 && concurrency > 0) {
    throw new InvalidOptionsError(
      '"queues" must name at least one queue (got an empty list). Use worker: false for a process that only enqueues.',
    );
  }
  const resolved = (queues as readonly QueueOption[]).map((queue) => {
    const given = typeof queue === 'object' && queue !== null ? queue : { name: queue };
    const { name, concurrency: own = concurrency } = given;
    const unknown = Object.keys(given).find((option) => option !== 'name' && option !== 'concurrency');
    if (unknown !== undefined)
      throw new InvalidOptionsError(
        `"queues" has no option "${unknown}". A queue is a name, or { name, concurrency }.`,
      );
    return { name: checkName('queues', name), concurrency: count(`queues.${name}.concurrency`, own, 0) };
  });
  const twice = resolved.find(({ name }, index) => resolved.findIndex((other) => other.name === name) !== index);
  if (twice) throw new InvalidOptionsError(`"queues" names "${twice.name}" twice. Name each queue once.`);
  return resolved;
}

/** @throws InvalidOptionsError when it is not a list of functions */
export function checkMiddleware(middleware: unknown = []): void {
  if (!Array.isArray(middleware))
    throw new InvalidOptionsError(`"middleware" must be a list of functions (got ${typeof middleware}).`);
  // Not `find`, which cannot tell an undefined that it found from nothing.
  for (const one of middleware as readonly unknown[]) {
    if (typeof one !== 'function')
      throw new InvalidOptionsError(`"middleware" must be a list of functions (got ${typeof one} in it).`);
  }
}

/** Longest name of a codec, in characters. */
const MAX_CODEC_NAME = 32;

/** @throws InvalidOptionsError when it is not a list of codecs */
export function checkCodecs(codecs: unknown): void {
  if (!Array.isArray(codecs))
    throw new InvalidOptionsError(`"codecs" must be a list of codecs (got ${typeof codecs}).`);
  for (const codec of codecs as readonly unknown[]) checkCodec('codecs', codec);
}

/** @throws InvalidOptionsError when it is no codec */
export function checkCodec(option: string, value: unknown): void {
  const { name, encode, decode } = (value ?? {}) as Partial<PayloadCodec>;
  if (checkName(option, name).length > MAX_CODEC_NAME) {
    throw new InvalidOptionsError(
      `"${option}" must have a name of at most ${MAX_CODEC_NAME} characters (got ${String(name?.length)} characters).`,
    );
  }
  if (typeof encode !== 'function' || typeof decode !== 'function') {
    throw new InvalidOptionsError(`"${option}" must have the methods encode and decode (got ${JSON.stringify(name)}).`);
  }
}

/** A duration in milliseconds. @throws InvalidOptionsError naming the option */
export function ms(option: string, value: Duration, least = 0): number {
  const result = named(option, () => toMs(value, option));
  if (result < least) throw new InvalidOptionsError(`"${option}" must be at least ${least} ms (got ${result} ms).`);
  return result;
}

/** @throws InvalidOptionsError when it is not a whole number of at least `least` */
export function count(option: string, value: unknown, least: number): number {
  if (!Number.isInteger(value) || (value as number) < least) {
    throw new InvalidOptionsError(`"${option}" must be a whole number of at least ${least} (got ${String(value)}).`);
  }
  return value as number;
}

/** Runs a check; what it throws names the option. @throws InvalidOptionsError */
export function named<T>(option: string, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (cause instanceof InvalidOptionsError) throw cause;
    throw new InvalidOptionsError(`${option}: ${(cause as Error).message}`, { cause });
  }
}

/** The options that an engine has. Another one is a mistake, and most are slips of the keyboard. */
const KNOWN: Readonly<Record<keyof EngineOptions, true>> = {
  store: true,
  concurrency: true,
  workflowConcurrency: true,
  parkGrace: true,
  eventTtl: true,
  queues: true,
  worker: true,
  pollInterval: true,
  maxPollInterval: true,
  heartbeat: true,
  lease: true,
  shutdownTimeout: true,
  abortGrace: true,
  maxRetries: true,
  timeout: true,
  backoff: true,
  settleWindow: true,
  maxPayloadBytes: true,
  maxResultBytes: true,
  migrations: true,
  middleware: true,
  tracerProvider: true,
  meterProvider: true,
  codec: true,
  codecs: true,
  scope: true,
  carrier: true,
  metadata: true,
  logger: true,
  clock: true,
};

/**
 * @param further options of who passes the others on to an engine
 * @throws InvalidOptionsError when there is an option that does not exist
 */
export function checkNames(options: EngineOptions, further: readonly string[] = []): void {
  const known = [...Object.keys(KNOWN), ...further];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidOptionsError(`there is no option "${unknown}". The options are ${known.join(', ')}.`);
  }
}

/** @throws InvalidOptionsError when a collaborator lacks what is called on it, or a value is of another kind */
export function checkKinds({
  worker,
  metadata,
  logger,
  clock,
  scope,
  carrier,
  tracerProvider,
  meterProvider,
}: EngineOptions): void {
  if (worker !== undefined && typeof worker !== 'boolean') refuse('worker', 'true or false', worker);
  if (metadata !== undefined && !isTexts(metadata)) refuse('metadata', 'an object of texts', metadata);
  if (logger !== undefined && !has(logger, ['debug', 'log', 'warn', 'error'])) {
    refuse('logger', 'an object with debug, log, warn and error', logger);
  }
  if (clock !== undefined && !has(clock, ['now', 'monotonic', 'random', 'setTimer'])) {
    refuse('clock', 'a Clock, such as TestClock', clock);
  }
  if (scope !== undefined && !isScopeOption(scope)) refuse('scope', '{ required: true } or { required: false }', scope);
  if (carrier !== undefined && !has(carrier, ['capture', 'restore'])) {
    refuse('carrier', 'an object with capture and restore', carrier);
  }
  if (tracerProvider !== undefined && !has(tracerProvider, ['getTracer'])) {
    refuse('tracerProvider', 'a TracerProvider of OpenTelemetry', tracerProvider);
  }
  if (meterProvider !== undefined && !has(meterProvider, ['getMeter'])) {
    refuse('meterProvider', 'a MeterProvider of OpenTelemetry', meterProvider);
  }
}

/** A slip of the keyboard must not switch the protection off. */
function isScopeOption(scope: unknown): boolean {
  if (typeof scope !== 'object' || scope === null) return false;
  return Object.entries(scope).every(([name, value]) => name === 'required' && typeof (value ?? false) === 'boolean');
}

function refuse(option: string, wanted: string, value: unknown): never {
  throw new InvalidOptionsError(`"${option}" must be ${wanted} (got ${typeof value}).`);
}

function isTexts(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string');
}

function has(value: unknown, methods: readonly string[]): boolean {
  return methods.every((method) => typeof (value as Record<string, unknown> | null)?.[method] === 'function');
}
