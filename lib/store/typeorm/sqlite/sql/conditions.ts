import type { Scope } from '../../../../scope/scope.js';

/** The conditions of a WHERE clause with their parameters, built one by one. */
export class Conditions {
  private readonly texts: string[] = [];
  readonly parameters: unknown[] = [];

  add(text: string, ...parameters: readonly unknown[]): this {
    this.texts.push(text);
    this.parameters.push(...parameters);
    return this;
  }

  /** Exactly this scope; nothing when it is left out. */
  scope(scope: Scope | undefined): this {
    return scope ? this.add('scope_app_id = ? AND scope_org_id = ?', scope.appId, scope.orgId) : this;
  }

  /** `WHERE ...`, or nothing when there are no conditions. */
  get text(): string {
    return this.texts.length > 0 ? `WHERE ${this.texts.join(' AND ')}` : '';
  }
}
