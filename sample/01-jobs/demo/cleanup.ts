/** What is to be undone at the end, last thing first. */
export class Cleanup {
  private readonly steps: { readonly what: string; readonly undo: () => unknown }[] = [];
  private done = false;

  /** Remembers a step. When the end has come already, it is undone at once. */
  add(what: string, undo: () => unknown): void {
    this.steps.push({ what, undo });
    if (this.done) void this.run();
  }

  /** Undoes everything. A step that fails is reported and keeps no other from running. Never rejects. */
  async run(): Promise<void> {
    this.done = true;
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        console.error(`could not clean up ${step.what}: ${String(error)}`);
      }
    }
  }
}
