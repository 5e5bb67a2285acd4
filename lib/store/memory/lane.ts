import { BinaryHeap } from './binary-heap.js';
import type { MemoryJob, WaitingPlace } from './memory-job.js';

/** Empty places that are kept before a line is tidied up. */
const EMPTY_PLACES_KEPT = 64;

function isDueBefore(a: WaitingPlace, b: WaitingPlace): boolean {
  return a.runAt < b.runAt || (a.runAt === b.runAt && a.id < b.id);
}

/** Whether a claim of one queue takes the first place before the second. */
export function ranksBefore(a: WaitingPlace, b: WaitingPlace): boolean {
  return a.priority > b.priority || (a.priority === b.priority && isDueBefore(a, b));
}

/** A heap that skips the places of jobs that have left. */
class Line {
  private readonly heap: BinaryHeap<WaitingPlace>;
  private empty = 0;

  constructor(before: (a: WaitingPlace, b: WaitingPlace) => boolean) {
    this.heap = new BinaryHeap(before);
  }

  add(place: WaitingPlace): void {
    this.heap.push(place);
  }

  /** The first place that is taken. */
  first(): WaitingPlace | undefined {
    for (;;) {
      const place = this.heap.peek();
      if (!place || place.job) return place;
      this.heap.pop();
      this.empty -= 1;
    }
  }

  /** Takes out what {@link first} returned. */
  shift(): void {
    this.heap.pop();
  }

  /** A place has become empty where it stands. */
  left(): void {
    this.empty += 1;
    if (this.empty <= EMPTY_PLACES_KEPT || this.empty * 2 <= this.heap.size) return;
    this.heap.filter(({ job }) => job !== null);
    this.empty = 0;
  }
}

/**
 * The waiting jobs of one queue and name: those that are due in the order of the claim, suspects apart, and the
 * deferred ones out of their way, by due time.
 */
export class Lane {
  private readonly lines = {
    ready: new Line(ranksBefore),
    suspects: new Line(ranksBefore),
    deferred: new Line(isDueBefore),
  };

  add(job: MemoryJob, now: number): void {
    const { priority, runAt, id } = job;
    const line = runAt > now ? 'deferred' : dueLine(job);
    job.place = { job, line, priority, runAt, id };
    this.lines[line].add(job.place);
  }

  /** Takes a waiting job out. */
  remove(job: MemoryJob): void {
    const place = job.place!;
    place.job = null;
    job.place = null;
    this.lines[place.line].left();
  }

  /** The job that a claim has to take first; `undefined` when none is due. */
  first(now: number, withSuspects: boolean): WaitingPlace | undefined {
    this.promote(now);
    const ready = this.lines.ready.first();
    const suspect = withSuspects ? this.lines.suspects.first() : undefined;
    if (!ready || !suspect) return ready ?? suspect;
    return ranksBefore(suspect, ready) ? suspect : ready;
  }

  /** Takes out what {@link first} returned. */
  take(place: WaitingPlace): MemoryJob {
    const job = place.job!;
    this.lines[place.line].shift();
    job.place = null;
    return job;
  }

  /** When the next job is due: `now` when one is due already, `null` when none waits. */
  nextDue(now: number): number | null {
    this.promote(now);
    if (this.lines.ready.first() || this.lines.suspects.first()) return now;
    return this.lines.deferred.first()?.runAt ?? null;
  }

  /** Moves deferred jobs that are due by now to the others. */
  private promote(now: number): void {
    const { deferred } = this.lines;
    for (let place = deferred.first(); place && place.runAt <= now; place = deferred.first()) {
      deferred.shift();
      place.line = dueLine(place.job!);
      this.lines[place.line].add(place);
    }
  }
}

function dueLine(job: MemoryJob): 'ready' | 'suspects' {
  return job.suspect ? 'suspects' : 'ready';
}
