import type { JobContext } from '../../job/job-context.js';

/**
 * The methods that `@Job` accepts for a job of these types. Parameter decorators leave no types behind, so only the
 * first parameter is checked: it takes the payload, the job's context or, as with `@Payload('field')`, a field of the
 * payload. Where the payload's type is not known, any method will do.
 */
export type JobMethod<Input, Result> = unknown extends Input
  ? (...args: never[]) => Returned<Result>
  : First<Input, Result> | First<JobContext<Input>, Result> | FieldFirst<Input, Result>;

type First<Parameter, Result> = (first: Parameter, ...rest: never[]) => Returned<Result>;

type Returned<Result> = unknown extends Result ? unknown : Result | Promise<Result>;

/** A pipe may turn one plain value into another, so a plain parameter need not have its field's type. */
type FieldFirst<Input, Result> = [Input] extends [object]
  ? First<string, Result> | First<number, Result> | First<boolean, Result> | ObjectFieldFirst<Input, Result>
  : never;

type ObjectFieldFirst<Input, Result> = {
  [Field in keyof Input]-?: First<NonNullable<Input[Field]>, Result>;
}[keyof Input];
