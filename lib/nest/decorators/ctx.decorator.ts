import { addParameter } from './metadata.js';

/** Hands the running attempt, a `JobContext`, to a parameter of a `@Job` method. */
export function Ctx(): ParameterDecorator {
  return (target, method, index) => addParameter(target, method, { kind: 'context', index });
}
