import { BinaryHeap } from '../binary-heap.js';
import type { DuePlace, MemoryRun } from './memory-run.js';

function isBefore(a: DuePlace, b: DuePlace): boolean {
  return a.at < b.at || (a.at === b.at && a.id < b.id);
}

/** The runs of one workflow that are due at some time, by that time; suspects apart. */
class Line {
  private readonly heap = new BinaryHeap<DuePlace>(isBefore);
  private empty = 0;

  add(place: DuePlace): void {
    this.heap.push(place);
  }

  first(): DuePlace | undefined {
    for (;;) {
      const place = this.heap.peek();
      if (!place || place.run) return place;
      this.heap.pop();
      this.empty -= 1;
    }
  }

  /** A place has become empty where it stands. */
  left(): void {
    this.empty += 1;
    if (this.empty <= 64 || this.empty * 2 <= this.heap.size) return;
    this.heap.filter(({ run }) => run !== null);
    this.empty = 0;
  }
}

/** The runs that wait for a time, by workflow: a claim meets only those that it asks for. */
export class DueRuns {
  private readonly lines = new Map<string, Line>();

  add(run: MemoryRun): void {
    if (run.wakeAt === null) return;
    run.place = { run, at: run.wakeAt, id: run.id };
    this.line(run, run.suspect).add(run.place);
  }

  /** Takes a run out; call it before what it is sorted by changes. */
  remove(run: MemoryRun): void {
    if (!run.place) return;
    run.place.run = null;
    run.place = null;
    this.line(run, run.suspect).left();
  }

  /** The run of these workflows that has been due longest. */
  first(workflows: readonly Workflow[], suspect: boolean): MemoryRun | undefined {
    let first: DuePlace | undefined;
    for (const workflow of workflows) {
      const place = this.line(workflow, suspect).first();
      if (place && (!first || isBefore(place, first))) first = place;
    }
    return first?.run ?? undefined;
  }

  private line({ name, version }: Workflow, suspect: boolean): Line {
    const key = `${version}:${suspect ? 1 : 0}:${name}`;
    let line = this.lines.get(key);
    if (!line) this.lines.set(key, (line = new Line()));
    return line;
  }
}

interface Workflow {
  readonly name: string;
  readonly version: number;
}
