/**
 * What becomes of a value on its way through JSON, which is what a step returns already on its first execution: dates are
 * texts, functions and `undefined` are gone, class instances are plain objects.
 */
export type Jsonify<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null
    ? T
    : T extends undefined | void
      ? undefined
      : T extends { toJSON(): infer Json }
        ? Jsonify<Json>
        : T extends bigint | symbol | ((...args: never[]) => unknown)
          ? never
          : T extends Map<unknown, unknown> | Set<unknown>
            ? Record<string, never>
            : T extends readonly unknown[]
              ? { [Index in keyof T]: T[Index] extends undefined ? null : Jsonify<T[Index]> }
              : T extends object
                ? { [Key in keyof T as Serialised<T[Key]> extends true ? Key & string : never]: Jsonify<T[Key]> }
                : never;

/** Whether a property of this type is written at all. */
type Serialised<T> = [T] extends [symbol | undefined | ((...args: never[]) => unknown)] ? false : true;
