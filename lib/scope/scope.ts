import { AsyncLocalStorage } from 'node:async_hooks';

/** Whose work this is: an application and, inside it, an organisation (tenant). */
export interface Scope {
  readonly appId: string;
  readonly orgId: string;
}

const storage = new AsyncLocalStorage<Scope | undefined>();

/** Longest id of an application or organisation, in characters. */
export const MAX_SCOPE_ID_LENGTH = 255;

/** A database stores every half of a surrogate pair as the same character, so that one tenant could be taken for another. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/**
 * Checks and completes a scope; a missing half is the empty text.
 *
 * @throws {TypeError} when it is no object, or a half is not well-formed text of at most {@link MAX_SCOPE_ID_LENGTH} characters, or holds NUL
 */
export function toScope(scope: Partial<Scope>): Scope {
  const given: unknown = scope;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TypeError(
      `"scope" must be an object such as { appId, orgId } (got ${given === null ? 'null' : typeof given}). Leave it out for the current one.`,
    );
  }
  return { appId: checkScopeId('appId', scope.appId), orgId: checkScopeId('orgId', scope.orgId) };
}

function checkScopeId(field: string, value: unknown): string {
  if (value === undefined) return '';
  if (typeof value !== 'string' || value.length > MAX_SCOPE_ID_LENGTH || UNSTORABLE.test(value)) {
    throw new TypeError(
      `scope.${field} must be a text of at most ${MAX_SCOPE_ID_LENGTH} characters without NUL or half surrogate pairs (got ${typeof value}).`,
    );
  }
  return value;
}

/** The tenant scope of the current asynchronous call, carried by AsyncLocalStorage. */
export const scope = {
  /**
   * Runs `fn` with a scope: everything enqueued inside belongs to it, every read and action inside is limited to it.
   */
  run<T>(value: Partial<Scope>, fn: () => T): T {
    return storage.run(toScope(value), fn);
  },

  /** The current scope, or `undefined` outside any (the seed's `Capture`). */
  capture(): Scope | undefined {
    return storage.getStore();
  },

  /** Runs `fn` in a captured scope; `undefined` means without one (the seed's `Restore`). */
  restore<T>(captured: Scope | undefined, fn: () => T): T {
    return storage.run(captured, fn);
  },
};
