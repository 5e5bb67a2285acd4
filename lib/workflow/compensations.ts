import type { StepContext } from './attempt.js';

/** A step that was done and can be undone. */
export interface Compensation {
  readonly key: string;
  readonly undo: (step: StepContext) => unknown;
}

/** What can be undone, in the order in which it was done. */
export class Compensations {
  private list: Compensation[] = [];

  get size(): number {
    return this.list.length;
  }

  add(compensation: Compensation): void {
    this.list.push(compensation);
  }

  /** Takes all out, the last first. */
  take(): readonly Compensation[] {
    const { list } = this;
    this.list = [];
    return list.reverse();
  }

  clear(): void {
    this.list = [];
  }
}
