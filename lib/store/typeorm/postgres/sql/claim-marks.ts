import type { ClaimRequest } from '../../../../job/job-store.js';

/** A place in the order of a queue's claim. */
export interface Mark {
  readonly rank: number;
  readonly runAt: number;
  readonly uuid: string;
}

/** A row that a claim has taken, or a job that comes to wait. */
export interface Placed extends Mark {
  readonly queue: string;
}

/** A walk from the head that took longer than this, and this much a row, met more than the jobs it brought. */
const USUAL_MS = 10;
const USUAL_MS_PER_ROW = 0.03;
/** One slow walk may be chance. */
const SLOW_WALKS = 2;
/** The part of the time that walks from the head may take: one in so many; more while there may be something to find. */
const REST = 10;
const REST_IN_DOUBT = 2;

/**
 * Where the claims of this process have come to in each queue. All rows in front of a mark were running, held, or dead when
 * it was set. Dead rows usually go within moments, but not while some transaction in the database is older than they are;
 * then each claim would walk past all of them again. So while walks from the head turn out to be slow, claims begin at the
 * marks, and walks from the head, which find what other processes have put in front of a mark (jobs of a better priority,
 * jobs that were handed back), are spread out: they take a tenth of the time at most, and half of it while there is news
 * of waiting jobs. What this process puts there itself is known, and takes the mark away.
 */
export class ClaimMarks {
  private readonly marks = new Map<string, Mark>();
  private whose = '';
  private slowWalks = 0;
  private walkMs = 0;
  private walkedAt = 0;
  private inDoubt = false;

  /** Where to begin in each queue, at the head of those without a mark; `undefined`: at the head of all. @param now monotonic, ms */
  from(request: Pick<ClaimRequest, 'workerId' | 'names'>, now: number): ReadonlyMap<string, Mark> | undefined {
    if (this.slowWalks < SLOW_WALKS || this.walkInMs(now) <= 0 || this.whose !== whoseOf(request)) return undefined;
    return this.marks;
  }

  /** A claim has walked from the head. */
  walked(startedAt: number, endedAt: number, rows: number): void {
    this.walkMs = endedAt - startedAt;
    this.walkedAt = endedAt;
    this.slowWalks = this.walkMs > USUAL_MS + rows * USUAL_MS_PER_ROW ? this.slowWalks + 1 : 0;
    this.inDoubt = false;
  }

  /** What a claim has taken, in the order of the claim. */
  took(request: Pick<ClaimRequest, 'workerId' | 'names'>, rows: Iterable<Placed>): void {
    const whose = whoseOf(request);
    if (whose !== this.whose) this.marks.clear();
    this.whose = whose;
    for (const { queue, rank, runAt, uuid } of rows) this.marks.set(queue, { rank, runAt, uuid });
  }

  /** When the next walk from the head may be, in milliseconds. */
  walkInMs(now: number): number {
    return Math.ceil(this.walkedAt + this.walkMs * (this.inDoubt ? REST_IN_DOUBT : REST) - now);
  }

  /** Another process has news of waiting jobs. */
  doubt(): void {
    this.inDoubt = true;
  }

  /** A job comes to wait. @param runAt `null` when it is of the present */
  came(queue: string, rank: number, runAt: number | null): void {
    const mark = this.marks.get(queue);
    if (mark && (rank < mark.rank || (rank === mark.rank && runAt !== null && runAt <= mark.runAt)))
      this.marks.delete(queue);
  }

  /** Jobs came to wait again, nobody knows where. */
  clear(): void {
    this.marks.clear();
  }
}

const whoseOf = ({ workerId, names }: Pick<ClaimRequest, 'workerId' | 'names'>): string =>
  [workerId, ...names].join('\n');
