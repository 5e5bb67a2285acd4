import { InvalidOptionsError, ScopeRequiredError } from '../errors.js';
import { type Scope, scope as currentScope, toScope } from './scope.js';

/** What a read or action may say about its scope. */
export interface ScopeOption {
  /** Instead of the current scope. */
  readonly scope?: Partial<Scope>;
}

/** Decides which scope a read or action is limited to. */
export class ScopePolicy {
  /** @param required refuse what has no scope, or an empty one */
  constructor(private readonly required: boolean) {}

  /**
   * The scope that the options of a read or action give, as {@link resolve} does.
   *
   * @throws ScopeRequiredError, and InvalidOptionsError for a malformed scope, or options that are no object
   */
  resolveIn(action: string, options: ScopeOption): Scope | undefined {
    const given: unknown = options;
    if (typeof given === 'object' && given !== null) return this.resolve(action, options.scope);
    throw new InvalidOptionsError(
      `the options of ${action} must be an object such as { scope: { orgId } } (got ${given === null ? 'null' : typeof given}). Leave them out for the defaults.`,
    );
  }

  /**
   * The scope given, else the current one; `undefined` means no limit.
   *
   * @throws ScopeRequiredError, and InvalidOptionsError for a malformed scope
   */
  resolve(action: string, given: Partial<Scope> | undefined): Scope | undefined {
    const resolved = given === undefined ? currentScope.capture() : checkScope(given);
    if (this.required && !resolved?.appId && !resolved?.orgId) throw new ScopeRequiredError(action);
    return resolved;
  }
}

function checkScope(given: Partial<Scope>): Scope {
  try {
    return toScope(given);
  } catch (cause) {
    throw new InvalidOptionsError((cause as Error).message, { cause });
  }
}
