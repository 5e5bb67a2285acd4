import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../lib/errors.js';
import { defineJob } from '../../lib/job/job-definition.js';
import { JobRegistry } from '../../lib/job/job-registry.js';
import type { StandardSchema } from '../../lib/job/payload-schema.js';

const handler = (): void => undefined;
const schema: StandardSchema = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };

describe('the job registry', () => {
  it('knows nothing of a name that was never defined, and does not remember it', () => {
    const registry = new JobRegistry();
    expect(registry.undefinedJob('x')).toMatchObject({ name: 'x', options: {}, handler: undefined });
    expect(registry.get('x')).toBeUndefined();
    expect(registry.names()).toEqual([]);
  });

  it('honours a definition that has no handler here', () => {
    const registry = new JobRegistry();
    const defined = registry.define(defineJob('send', { queue: 'mail', timeout: '1m', payload: schema }));
    expect(defined).toMatchObject({ timeoutMs: 60_000, options: { queue: 'mail' } });
    expect(defined.validate).toBeTypeOf('function');
    expect(registry.names()).toEqual([]);
  });

  it('names the jobs that have handlers', () => {
    const registry = new JobRegistry();
    registry.register(defineJob('a'), handler);
    registry.define(defineJob('b'));
    registry.register(defineJob('c'), handler);
    expect(registry.names()).toEqual(['a', 'c']);
  });

  it('returns the same list of names until a handler comes or goes', () => {
    const registry = new JobRegistry();
    registry.register(defineJob('a'), handler);
    const names = registry.names();
    registry.define(defineJob('b'));
    registry.undefinedJob('c');
    registry.unregister('nobody');
    expect(registry.names()).toBe(names);
    registry.register(defineJob('b'), handler);
    expect(registry.names()).not.toBe(names);
  });

  it('refuses a second handler of a name and names both', () => {
    const registry = new JobRegistry();
    registry.register(defineJob('send'), handler, 'MailService.send');
    expect(() => registry.register(defineJob('send'), handler, 'Other.send')).toThrow(InvalidOptionsError);
    expect(() => registry.register(defineJob('send'), handler, 'Other.send')).toThrow(
      /"send".*MailService\.send and Other\.send/,
    );
  });

  it('frees the name when the handler goes, and keeps the definition', () => {
    const registry = new JobRegistry();
    registry.register(defineJob('send', { queue: 'mail' }), handler, 'A');
    expect(registry.unregister('send')).toBe(true);
    expect(registry.unregister('send')).toBe(false);
    expect(registry.names()).toEqual([]);
    expect(registry.get('send')).toMatchObject({ options: { queue: 'mail' }, handler: undefined, owner: undefined });
    registry.register(defineJob('send'), handler, 'B');
    expect(registry.get('send')?.owner).toBe('B');
  });

  it('calls a handler without an owner by its own name', () => {
    const registry = new JobRegistry();
    function sendMail(): void {
      return undefined;
    }
    expect(registry.register(defineJob('a'), sendMail).owner).toBe('sendMail');
    expect(registry.register(defineJob('b'), () => undefined).owner).toBe('anonymous handler');
  });

  const full = defineJob('send', {
    queue: 'mail',
    maxRetries: 9,
    timeout: '1m',
    payload: schema,
    backoff: { type: 'constant', initial: 5 },
  });

  it('honours a definition whose handler was registered by name alone', () => {
    const registry = new JobRegistry();
    registry.register({ name: 'send' }, handler, 'A');
    const job = registry.define(full);
    expect(job).toMatchObject({ options: { queue: 'mail', maxRetries: 9 }, timeoutMs: 60_000, handler, owner: 'A' });
    expect(job.validate).toBeTypeOf('function');
    expect(job.backoff?.delay(1)).toBe(5);
    expect(registry.define(full)).toBe(job);
    expect(registry.names()).toEqual(['send']);
  });

  it('comes to the same whether the definition or the handler is seen first', () => {
    const registry = new JobRegistry();
    registry.define(full);
    registry.register({ name: 'send' }, handler, 'A');
    expect(registry.get('send')).toMatchObject({
      options: { queue: 'mail', maxRetries: 9 },
      timeoutMs: 60_000,
      handler,
    });
    expect(registry.get('send')?.validate).toBeTypeOf('function');
  });

  it('fills what a definition leaves open from what the name is known with, and changes nothing of that', () => {
    const registry = new JobRegistry();
    const known = registry.register({ name: 'send', queue: 'own', priority: 7 }, handler);
    const job = registry.define(full);
    expect(job).toMatchObject({ options: { queue: 'mail', priority: 7, maxRetries: 9 }, handler });
    expect(registry.define(defineJob('send', { queue: undefined })).options).toMatchObject({ queue: 'own' });
    expect(registry.get('send')).toBe(known);
    expect(known.options).toMatchObject({ queue: 'own', priority: 7 });
  });

  it('describes a definition once, until the handler comes or goes', () => {
    const registry = new JobRegistry();
    registry.register({ name: 'send' }, handler);
    const job = registry.define(full);
    expect(registry.define(full)).toBe(job);
    registry.unregister('send');
    expect(registry.define(full).handler).toBeUndefined();
    const again = registry.register(full, handler);
    expect(registry.define(full)).toBe(again);
  });

  it.each([
    [{ name: '' }, /"job name"/],
    [{ name: 5 }, /"job name"|named by a definition/],
    [{ name: 'x', queue: '' }, /job "x": "queue"/],
    [{ name: 'x', priority: 0.5 }, /job "x": "priority".*0\.5/],
    [{ name: 'x', maxRetries: -1 }, /job "x": "maxRetries".*-1/],
    [{ name: 'x', timeout: 'soon' }, /job "x": "timeout".*"soon"/],
    [{ name: 'x', backoff: { type: 'none' } }, /job "x": "backoff"/],
    [{ name: 'x', payload: {} }, /job "x": "payload"/],
  ])('refuses %j by the name of the job, the option and the value', (definition, message) => {
    for (const attempt of [
      () => new JobRegistry().define(definition as never),
      () => new JobRegistry().register(definition as never, handler),
    ]) {
      expect(attempt).toThrow(InvalidOptionsError);
      expect(attempt).toThrow(message);
    }
  });
});
