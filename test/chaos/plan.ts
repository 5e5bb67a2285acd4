import type { JobErrorRecord } from '../../lib/job/job-error.js';
import type { EnqueueItem } from '../../lib/job/producer.js';
import type { Random } from './random.js';

/** How the handlers of one kind behave, and how often the kind is drawn. */
const KINDS = {
  /** Returns at once. */
  quick: 700,
  /** Waits some milliseconds. */
  sleep: 150,
  /** Blocks its event loop for 50 to 400 ms. */
  block: 14,
  /** Blocks its event loop for longer than the lease. */
  'block-long': 1,
  /** Throws an Error, some every time. */
  throw: 50,
  /** Throws what is no Error. */
  'throw-other': 30,
  /** Returns what cannot be serialised. */
  unserialisable: 40,
  /** Goes on past its timeout, whatever its signal says. */
  stubborn: 12,
  /** Ends its process. */
  exit: 1,
} as const;

export type Kind = keyof typeof KINDS;

/** Every kind; a job is named for its kind. */
export const ALL_KINDS = Object.keys(KINDS) as readonly Kind[];

/** The payload of a job: all that its handler does follows from it and the number of the attempt. */
export interface ChaosPayload {
  /** Counts what was handed to the store; never used twice. */
  readonly n: number;
  readonly kind: Kind;
  /** How long it sleeps or blocks. */
  readonly ms: number;
  /** How many attempts misbehave; later ones end well. */
  readonly bad: number;
  /** Which of several values is thrown or returned. */
  readonly variant: number;
  /** How long after its enqueue it is due. */
  readonly delayMs: number;
  /** How long after a failure it is due again. */
  readonly backoffMs: number;
}

/** A job to enqueue. */
export interface PlannedJob {
  readonly payload: ChaosPayload;
  readonly item: EnqueueItem;
}

const ALWAYS = 1_000;

/** Makes jobs one after the other, the same ones for the same seed. */
export class JobPlan {
  private made = 0;

  constructor(private readonly random: Random) {}

  next(): PlannedJob {
    const { random } = this;
    const kind = random.weighted(KINDS);
    const payload: ChaosPayload = {
      n: ++this.made,
      kind,
      ms: lengthOf(kind, random),
      bad: random.chance(0.2) ? ALWAYS : random.between(1, 2),
      variant: random.between(0, 3),
      delayMs: random.chance(0.05) ? random.between(1, 2_000) : 0,
      backoffMs: random.between(20, 300),
    };
    return {
      payload,
      item: {
        job: kind,
        input: payload,
        maxRetries: random.pick([2, 5, 10]),
        priority: random.between(-1, 1),
        timeout: kind === 'stubborn' ? 300 : 10_000,
        backoff: { type: 'constant', initial: payload.backoffMs },
        ...(payload.delayMs > 0 ? { delay: payload.delayMs } : {}),
      },
    };
  }

  many(count: number): readonly PlannedJob[] {
    return Array.from({ length: count }, () => this.next());
  }
}

function lengthOf(kind: Kind, random: Random): number {
  switch (kind) {
    case 'sleep':
      return random.between(1, 120);
    case 'block':
      return random.between(50, 400);
    case 'block-long':
      return random.between(1_600, 2_600);
    case 'stubborn':
      return random.between(600, 1_200);
    default:
      return 0;
  }
}

/** What a job that ended well has to have as its result: only one kind returns what can be kept. */
export function expectedResult({ kind, n }: ChaosPayload): unknown {
  return kind === 'quick' ? { n } : undefined;
}

/** Whether an attempt of such a job can have failed so: as its handler fails, or for what was done to its process. */
export function mayHaveFailedWith({ kind }: ChaosPayload, { code, name, message, attempt }: JobErrorRecord): boolean {
  if (code === 'WORKER_LOST' || code === 'JOB_TIMEOUT') return true;
  if (kind === 'throw') return message === `attempt ${attempt} fails`;
  return kind === 'throw-other' && name === 'NonError';
}
