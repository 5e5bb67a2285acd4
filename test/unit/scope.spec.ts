import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { InvalidOptionsError, ScopeRequiredError } from '../../lib/errors.js';
import { ScopePolicy } from '../../lib/scope/scope-policy.js';
import { MAX_SCOPE_ID_LENGTH, scope, toScope } from '../../lib/scope/scope.js';

const A = { appId: 'app', orgId: 'a' };
const B = { appId: 'app', orgId: 'b' };

describe('the current scope', () => {
  it('is none outside of any', () => {
    expect(scope.capture()).toBeUndefined();
  });

  it('is the innermost one, and the outer one again afterwards', () => {
    scope.run(A, () => {
      expect(scope.capture()).toEqual(A);
      scope.run(B, () => expect(scope.capture()).toEqual(B));
      expect(scope.capture()).toEqual(A);
    });
    expect(scope.capture()).toBeUndefined();
  });

  it('is the outer one again after a throw inside', () => {
    scope.run(A, () => {
      expect(() =>
        scope.run(B, () => {
          throw new Error('inside');
        }),
      ).toThrow('inside');
      expect(scope.capture()).toEqual(A);
    });
  });

  it('follows promises, timers, immediates and microtasks', async () => {
    await scope.run(A, async () => {
      await Promise.resolve();
      expect(scope.capture()).toEqual(A);
      await new Promise<void>((resolve) => setImmediate(resolve));
      expect(scope.capture()).toEqual(A);
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
      expect(scope.capture()).toEqual(A);
      await new Promise<void>((resolve) => queueMicrotask(resolve));
      expect(scope.capture()).toEqual(A);
    });
  });

  it('is each call its own when calls overlap', async () => {
    const seen = await Promise.all(
      [A, B].map((one) =>
        scope.run(one, async () => {
          await new Promise<void>((resolve) => setImmediate(resolve));
          return scope.capture();
        }),
      ),
    );
    expect(seen).toEqual([A, B]);
  });

  it('is the one of whoever emits, for listeners', () => {
    const emitter = new EventEmitter();
    let seen: unknown = 'not called';
    scope.run(A, () => emitter.on('event', () => (seen = scope.capture())));
    scope.run(B, () => emitter.emit('event'));
    expect(seen).toEqual(B);
  });

  it('can be captured and restored elsewhere', () => {
    const captured = scope.run(A, () => scope.capture());
    expect(scope.restore(captured, () => scope.capture())).toEqual(A);
  });

  it('is none inside a restored none', async () => {
    await scope.run(A, () =>
      scope.restore(undefined, async () => {
        expect(scope.capture()).toBeUndefined();
        await Promise.resolve();
        expect(scope.capture()).toBeUndefined();
      }),
    );
  });

  it('returns what the function returns', () => {
    expect(scope.run(A, () => 42)).toBe(42);
  });
});

describe('a scope', () => {
  it('is completed by the empty text', () => {
    expect(toScope({ orgId: 'a' })).toEqual({ appId: '', orgId: 'a' });
    expect(toScope({})).toEqual({ appId: '', orgId: '' });
  });

  it.each([
    ['a number', { appId: 5 }, 'scope.appId'],
    ['null', { orgId: null }, 'scope.orgId'],
    ['a NUL', { orgId: 'a\u0000b' }, 'scope.orgId'],
    ['half a surrogate pair, which databases cannot tell from another', { orgId: '\ud800' }, 'scope.orgId'],
    ['more than it may hold', { appId: 'x'.repeat(MAX_SCOPE_ID_LENGTH + 1) }, 'scope.appId'],
  ])('of %s is refused by name', (_what, value, field) => {
    expect(() => toScope(value as never)).toThrow(TypeError);
    expect(() => toScope(value as never)).toThrow(field);
    expect(() => scope.run(value as never, () => undefined)).toThrow(field);
  });

  it.each([null, 'acme', 7, [], () => undefined])(
    'that is no object (%j) is refused, saying what it looks like',
    (value) => {
      expect(() => toScope(value as never)).toThrow(/^"scope" must be an object such as { appId, orgId } \(got \w+\)/);
      expect(() => new ScopePolicy(false).resolve('jobs.get', value as never)).toThrow(InvalidOptionsError);
    },
  );

  it('of the longest ids is taken, emoji included', () => {
    const longest = { appId: 'x'.repeat(MAX_SCOPE_ID_LENGTH), orgId: '🦊' };
    expect(toScope(longest)).toEqual(longest);
  });
});

describe('the scope policy', () => {
  const open = new ScopePolicy(false);
  const strict = new ScopePolicy(true);

  it('prefers what is given to what is current', () => {
    expect(scope.run(A, () => open.resolve('read', B))).toEqual(B);
    expect(scope.run(A, () => open.resolve('read', undefined))).toEqual(A);
    expect(open.resolve('read', undefined)).toBeUndefined();
  });

  it('takes an empty scope as a limit to what has none, where none is required', () => {
    expect(scope.run(A, () => open.resolve('read', {}))).toEqual({ appId: '', orgId: '' });
  });

  it('refuses work without a scope where one is required, by the name of the action', () => {
    expect(() => strict.resolve('jobs.list', undefined)).toThrow(ScopeRequiredError);
    expect(() => strict.resolve('jobs.list', undefined)).toThrow(/^jobs\.list needs a scope/);
    expect(scope.run(A, () => strict.resolve('jobs.list', undefined))).toEqual(A);
    expect(strict.resolve('jobs.list', { orgId: 'b' })).toEqual({ appId: '', orgId: 'b' });
  });

  it('does not take an empty scope for one where one is required', () => {
    expect(() => strict.resolve('enqueue', {})).toThrow(ScopeRequiredError);
    expect(() => strict.resolve('enqueue', { orgId: undefined })).toThrow(ScopeRequiredError);
    expect(() => scope.run({ appId: '', orgId: '' }, () => strict.resolve('enqueue', undefined))).toThrow(
      ScopeRequiredError,
    );
  });

  it('refuses a malformed scope', () => {
    expect(() => open.resolve('read', { orgId: 5 as never })).toThrow(/scope\.orgId/);
  });
});
