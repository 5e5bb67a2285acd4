/**
 * What a test expects of a value: a part of it, or a function that says whether it fits. Objects need to have the
 * properties named, lists all their items; matchers of vitest and jest (`expect.any(String)`) may stand anywhere.
 */
export type Expected<T> = ((value: T) => boolean) | Part<T>;

type Part<T> = T extends readonly (infer Item)[]
  ? readonly Part<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: Part<T[Key]> }
    : T;

/** Whether a decoded payload is what a test expects. */
export function matches(actual: unknown, expected: unknown): boolean {
  if (typeof expected === 'function') return (expected as (value: unknown) => boolean)(actual);
  if (isMatcher(expected)) return expected.asymmetricMatch(actual);
  if (typeof expected !== 'object' || expected === null) return Object.is(actual, expected);
  // Dates and the like are stored as what they write of themselves.
  if ('toJSON' in expected) return matches(actual, JSON.parse(JSON.stringify(expected)));
  if (typeof actual !== 'object' || actual === null) return false;
  if (Array.isArray(expected)) {
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((item, index) => matches(actual[index], item))
    );
  }
  return Object.entries(expected).every(([key, value]) => matches((actual as Record<string, unknown>)[key], value));
}

function isMatcher(value: unknown): value is { asymmetricMatch(actual: unknown): boolean } {
  return typeof (value as { asymmetricMatch?: unknown } | null)?.asymmetricMatch === 'function';
}
