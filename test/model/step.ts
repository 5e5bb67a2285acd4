import fc from 'fast-check';
import { compareEverything } from './compare.js';
import type { ReferenceModel } from './reference-model.js';
import type { World } from './world.js';

/** One call of a sequence: what was chosen for it, and how it is made on the store and on the model. */
export class Step<Choice> implements fc.AsyncCommand<ReferenceModel, World> {
  constructor(
    private readonly name: string,
    private readonly choice: Choice,
    private readonly make: (model: ReferenceModel, world: World, choice: Choice) => Promise<void>,
  ) {}

  check(): boolean {
    return true;
  }

  async run(model: ReferenceModel, world: World): Promise<void> {
    await this.make(model, world, this.choice);
    await compareEverything(world.store, model);
  }

  toString(): string {
    return `${this.name}(${JSON.stringify(this.choice)})`;
  }
}

/** Steps of one kind, with choices made by `choices`. */
export function steps<Choice>(
  name: string,
  choices: fc.Arbitrary<Choice>,
  make: (model: ReferenceModel, world: World, choice: Choice) => Promise<void>,
): fc.Arbitrary<fc.AsyncCommand<ReferenceModel, World>> {
  return choices.map((choice) => new Step(name, choice, make));
}

/** Which of the things there are, counted from the newest. */
export const index = fc.nat({ max: 30 });
/** Where a new id sorts. */
export const order = fc.nat({ max: 0x7fffffff });
export const scope = fc.constantFrom({ appId: '', orgId: '' }, { appId: 'app-1', orgId: 'org-a' });
/** Mostly none. */
export const maybeScope = fc.option(scope, { nil: undefined, freq: 1 });
export const queue = fc.constantFrom('one', 'two');
export const jobName = fc.constantFrom('a', 'b');
