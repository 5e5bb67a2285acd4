/** A class whose properties carry class-validator decorators. */
export type PayloadClass<T = unknown> = new (...args: never[]) => T;

/** The part of Standard Schema version 1 (https://standardschema.dev) that is used here. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What describes a payload: a validated class or a Standard Schema. */
export type PayloadSchema<T = unknown> = PayloadClass<T> | StandardSchema<T>;

/** Whether a schema is a Standard Schema; some libraries make theirs functions. */
export function isStandardSchema(schema: PayloadSchema): schema is StandardSchema {
  return '~standard' in schema;
}
