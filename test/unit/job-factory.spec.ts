import { describe, expect, it } from 'vitest';
import { CodecRegistry, jsonCodec } from '../../lib/codec/payload-codec.js';
import { InvalidOptionsError, PayloadError, ScopeRequiredError } from '../../lib/errors.js';
import { isJobId } from '../../lib/id/ids.js';
import { defineJob } from '../../lib/job/job-definition.js';
import { type JobDefaults, JobFactory } from '../../lib/job/job-factory.js';
import type { EnqueueOptions, JobOptions } from '../../lib/job/job-options.js';
import type { NewJob } from '../../lib/job/job-record.js';
import { JobRegistry } from '../../lib/job/job-registry.js';
import { ScopePolicy } from '../../lib/scope/scope-policy.js';
import { scope } from '../../lib/scope/scope.js';

const DEFAULTS: JobDefaults = {
  queue: 'default',
  maxRetries: 3,
  timeoutMs: 300_000,
  maxPayloadBytes: 1_000,
  scopes: new ScopePolicy(false),
  codecs: new CodecRegistry(),
};

function create(
  call: EnqueueOptions = {},
  {
    own = {},
    input = { a: 1 },
    defaults = {},
  }: { own?: JobOptions; input?: unknown; defaults?: Partial<JobDefaults> } = {},
): NewJob {
  const registered = new JobRegistry().define(defineJob('send', own));
  return new JobFactory({ ...DEFAULTS, ...defaults }).create(registered, input, call);
}

describe('a new job', () => {
  it('takes what nobody decides from the engine', () => {
    expect(create()).toEqual({
      id: expect.toSatisfy(isJobId) as string,
      name: 'send',
      queue: 'default',
      payload: '{"a":1}',
      codec: 'json',
      priority: 0,
      maxRetries: 3,
      timeoutMs: 300_000,
      backoff: null,
      uniqueKey: null,
      groupKey: null,
      headers: null,
      scopeAppId: '',
      scopeOrgId: '',
      cronId: null,
      cronAt: null,
      runAt: null,
      delayMs: 0,
      uniqueForMs: null,
      onConflict: 'ignore',
    });
  });

  const own: JobOptions = { queue: 'mail', priority: 5, maxRetries: 9, timeout: '1m' };

  it('takes from its definition what that decides, before the engine', () => {
    expect(create({}, { own })).toMatchObject({ queue: 'mail', priority: 5, maxRetries: 9, timeoutMs: 60_000 });
  });

  it('takes from the call what that decides, before its definition', () => {
    const call: EnqueueOptions = { queue: 'fast', priority: -1, maxRetries: 1, timeout: 5 };
    expect(create(call, { own })).toMatchObject({ queue: 'fast', priority: -1, maxRetries: 1, timeoutMs: 5 });
  });

  it('takes zero for a decision and undefined for none', () => {
    expect(create({ priority: 0, maxRetries: 0, timeout: 0 }, { own })).toMatchObject({
      priority: 0,
      maxRetries: 0,
      timeoutMs: 0,
    });
    expect(create({ queue: undefined, priority: undefined, timeout: undefined }, { own })).toMatchObject({
      queue: 'mail',
      priority: 5,
      timeoutMs: 60_000,
    });
    expect(create({}, { own: { maxRetries: 0, timeout: 0 } })).toMatchObject({ maxRetries: 0, timeoutMs: 0 });
  });

  it('stores a backoff of the call as data, and leaves that of the definition to its handler', () => {
    const backoff = { type: 'linear', initial: '1s' } as const;
    expect(create({ backoff }).backoff).toEqual({ type: 'linear', initial: 1_000, max: 60_000, jitter: 'none' });
    expect(create({}, { own: { backoff } }).backoff).toBeNull();
  });

  it('refuses a backoff of the call that is code, which no row can hold', () => {
    expect(() => create({ backoff: { delay: () => 1 } as never })).toThrow(InvalidOptionsError);
    expect(() => create({ backoff: { delay: () => 1 } as never })).toThrow(/"backoff"/);
  });

  it('has a time or a delay, not both', () => {
    const runAt = new Date(1_900_000_000_000);
    expect(create({ runAt })).toMatchObject({ runAt: 1_900_000_000_000, delayMs: 0 });
    expect(create({ delay: '5m' })).toMatchObject({ runAt: null, delayMs: 300_000 });
    expect(() => create({ runAt, delay: 0 })).toThrow(InvalidOptionsError);
    expect(() => create({ runAt, delay: 0 })).toThrow(/"runAt" and "delay"/);
  });

  it('keeps keys, windows and headers of the call', () => {
    expect(
      create({ uniqueKey: 'k', uniqueFor: '1h', groupKey: 'g', onConflict: 'replace', headers: { TraceParent: 'X' } }),
    ).toMatchObject({
      uniqueKey: 'k',
      uniqueForMs: 3_600_000,
      groupKey: 'g',
      onConflict: 'replace',
      headers: { traceparent: 'X' },
    });
  });

  it.each([
    [{ queue: '' }, 'queue'],
    [{ priority: 1.5 }, 'priority'],
    [{ maxRetries: -1 }, 'maxRetries'],
    [{ timeout: -1 }, 'timeout'],
    [{ delay: 'soon' }, 'delay'],
    [{ uniqueKey: 'k', uniqueFor: Number.NaN }, 'uniqueFor'],
    [{ uniqueFor: '1h' }, 'uniqueFor'],
    [{ onConflict: 'ignore' }, 'onConflict'],
    [{ uniqueFor: '1h', onConflict: 'replace' }, 'uniqueKey'],
    [{ scope: null }, 'scope'],
    [{ uniqueKey: '' }, 'uniqueKey'],
    [{ groupKey: 5 }, 'groupKey'],
    [{ headers: { a: 1 } }, 'headers'],
    [{ runAt: new Date(Number.NaN) }, 'runAt'],
    [{ runAt: new Date(-1) }, 'runAt'],
    [{ runAt: 1_900_000_000_000 }, 'runAt'],
    [{ uniqueKey: 'k', onConflict: 'overwrite' }, 'onConflict'],
    [{ backoff: { type: 'linear', initial: -1 } }, 'backoff.initial'],
  ])('refuses %j as a client error that names the option', (call, option) => {
    expect(() => create(call as never)).toThrow(InvalidOptionsError);
    expect(() => create(call as never)).toThrow(`"${option}"`);
  });

  it.each([null, 'now', 5])('refuses options that are no object (%j)', (call) => {
    expect(() => create(call as never)).toThrow(InvalidOptionsError);
  });

  it('counts the payload in bytes of UTF-8', () => {
    const defaults = { maxPayloadBytes: 10 };
    expect(create({}, { input: '€€', defaults }).payload).toBe('"€€"');
    expect(() => create({}, { input: '€€€', defaults })).toThrow(PayloadError);
    expect(() => create({}, { input: '€€€', defaults })).toThrow(/job "send" has 11 bytes, more than the 10 allowed/);
  });

  it('takes the payload as it is at the call', () => {
    const input = { list: [1] };
    const job = create({}, { input });
    input.list.push(2);
    expect(job.payload).toBe('{"list":[1]}');
    expect(create({}, { input: undefined }).payload).toBe('{"a":1}');
    expect(new JobFactory(DEFAULTS).create(new JobRegistry().undefinedJob('x'), undefined).payload).toBeNull();
  });

  it('is stored by the current codec, under its name', () => {
    const codec = { ...jsonCodec, name: 'other', encode: () => 'encoded' };
    const job = create({}, { defaults: { codecs: new CodecRegistry(codec) } });
    expect(job).toMatchObject({ codec: 'other', payload: 'encoded' });
  });

  it('belongs to the scope given, else to the current one', () => {
    expect(scope.run({ orgId: 'a' }, () => create())).toMatchObject({ scopeAppId: '', scopeOrgId: 'a' });
    expect(scope.run({ orgId: 'a' }, () => create({ scope: { appId: 'p', orgId: 'b' } }))).toMatchObject({
      scopeAppId: 'p',
      scopeOrgId: 'b',
    });
    expect(() => create({}, { defaults: { scopes: new ScopePolicy(true) } })).toThrow(ScopeRequiredError);
  });

  it('has an id of its own each time', () => {
    expect(create().id < create().id).toBe(true);
  });
});
