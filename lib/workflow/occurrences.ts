import { InvalidOptionsError } from '../errors.js';
import { checkName } from '../job/checks.js';
import type { CheckpointKind } from './checkpoint.js';

/** Makes the keys of calls: a name that comes again gets the number of its occurrence. */
export class Occurrences {
  private readonly counts = new Map<string, number>();

  /** @throws InvalidOptionsError when it cannot be a name */
  next(kind: CheckpointKind, name: string): string {
    const key = `${kind}:${checkName(`name of a ${kind}`, name)}`;
    if (/#\d+$/.test(name)) {
      throw new InvalidOptionsError(
        `the name of a ${kind} must not end in "#" and a number (got ${JSON.stringify(name)}).`,
      );
    }
    const count = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, count);
    return count === 1 ? key : `${key}#${count}`;
  }
}
