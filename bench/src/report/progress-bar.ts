const WIDTH = 28;

/** Where a run is: a bar on a terminal, a line a step elsewhere. On standard error, so that tables can be piped. */
export class ProgressBar {
  private done = 0;
  private readonly startedAt = performance.now();
  private readonly steps: number;
  private readonly out: NodeJS.WriteStream;

  constructor(steps: number, out: NodeJS.WriteStream = process.stderr) {
    this.steps = steps;
    this.out = out;
  }

  /** Says what is being done now. */
  show(text: string): void {
    if (this.out.isTTY) this.out.write(`\r\x1b[2K${progressText(this.done, this.steps, text, this.seconds())}`);
  }

  /** Counts a step as done, and says how it went. */
  step(text: string): void {
    this.done++;
    const line = progressText(this.done, this.steps, text, this.seconds());
    this.out.write(this.out.isTTY ? `\r\x1b[2K${line}` : `${line}\n`);
  }

  /** Writes a line that stays. */
  say(text: string): void {
    this.out.write(this.out.isTTY ? `\r\x1b[2K${text}\n` : `${text}\n`);
  }

  end(): void {
    if (this.out.isTTY) this.out.write('\r\x1b[2K');
  }

  private seconds(): number {
    return (performance.now() - this.startedAt) / 1000;
  }
}

/** One line: a bar, how many steps of how many, the time so far, and what is being done. */
export function progressText(done: number, steps: number, text: string, seconds: number): string {
  const full = steps === 0 ? WIDTH : Math.round((done / steps) * WIDTH);
  const minutes = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
  return `[${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] ${done}/${steps} ${minutes} ${text}`;
}
