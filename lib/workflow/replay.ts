import { type CheckpointRecord, checkpointKindOf, checkpointNameOf } from './checkpoint.js';
import { turn } from './parked.js';
import { WorkflowMismatchError } from './workflow-errors.js';

/** A call that the method made and that waits for its record, or for the replay to be over. */
interface Request {
  readonly key: string;
  readonly resolve: (record: CheckpointRecord | null) => void;
}

/** Turns of the event loop after which a method that can go on is taken to have asked for all that it will. */
const QUIET_TURNS = 5;

export interface ReplayOptions {
  /** By `seq`. */
  readonly records: readonly CheckpointRecord[];
  /** A record is about to be handed out. */
  readonly onDelivery: (record: CheckpointRecord) => void;
  /** Whether records of undone steps that the method does not ask for are left aside. */
  readonly skipsUndo: boolean;
}

/**
 * Hands the recorded results to the calls of a method that runs again, in the order in which they became known the first time:
 * one at a time, each once the method has come to rest after the one before. So a replay takes the same turns, also where
 * calls run side by side. Calls without a record wait until all records are handed out: nothing new begins before that.
 */
export class Replay {
  private readonly records: Map<string, CheckpointRecord>;
  private readonly queue: readonly CheckpointRecord[];
  private readonly requests = new Map<string, Request>();
  private fresh: Request[] = [];
  private over = false;
  private stopped = false;
  private onlyRecords = false;
  private returned: string | undefined;
  private noticed: (() => void) | undefined;

  constructor(private readonly options: ReplayOptions) {
    this.queue = options.records;
    this.records = new Map(options.records.map((record) => [record.key, record]));
  }

  /** Whether all records are handed out. */
  get isOver(): boolean {
    return this.over;
  }

  /** The record of a key, whether it was handed out or not. */
  find(key: string): CheckpointRecord | undefined {
    return this.records.get(key);
  }

  /** Takes a record at once, for values that calls return without waiting. */
  take(key: string): CheckpointRecord | undefined {
    const record = this.records.get(key);
    if (record) {
      this.requests.set(key, { key, resolve: () => undefined });
      this.notice();
    }
    return record;
  }

  /** The record of a key in its turn; `null`, once the replay is over, when there is none. */
  ask(key: string): Promise<CheckpointRecord | null> {
    return new Promise((resolve) => {
      const request = { key, resolve };
      if (this.records.has(key)) this.requests.set(key, request);
      else if (this.over && !this.onlyRecords) resolve(null);
      else this.fresh.push(request);
      this.notice();
    });
  }

  /** The method is at its end: it will ask for nothing more. @param how for the message of a mismatch */
  ended(how: string): void {
    this.returned = how;
    this.notice();
  }

  /** Hands out nothing more. */
  stop(): void {
    this.stopped = true;
    this.notice();
  }

  /** Calls without a record do not go on when the replay is over. */
  recordsOnly(): void {
    this.onlyRecords = true;
  }

  /**
   * Hands out all records. Resolves when the replay is over; calls without a record go on then.
   *
   * @throws WorkflowMismatchError when the method does not ask for what the history holds
   */
  async run(): Promise<void> {
    for (const record of this.queue) {
      const request = await this.requested(record);
      if (this.stopped) return;
      if (!request) continue;
      this.options.onDelivery(record);
      request.resolve(record);
      await turn();
    }
    if (this.stopped) return;
    // What the last record led to belongs to the replay: only then are calls side by side in their order.
    if (this.queue.length > 0) await turn();
    this.over = true;
    if (this.onlyRecords) return;
    const { fresh } = this;
    this.fresh = [];
    for (const { resolve } of fresh) resolve(null);
  }

  /** Waits for the method to ask for the record. @returns `undefined` when it is to be left aside */
  private async requested(record: CheckpointRecord): Promise<Request | undefined> {
    for (let quiet = 0; !this.stopped; quiet++) {
      const request = this.requests.get(record.key);
      if (request) return request;
      if (quiet < QUIET_TURNS) await turn();
      else if (this.options.skipsUndo && checkpointKindOf(record.key) === 'undo') return undefined;
      else if (this.returned !== undefined) throw new WorkflowMismatchError(describe(record.key), this.returned);
      else if (this.fresh.length > 0) {
        throw new WorkflowMismatchError(describe(record.key), `asks for ${describe(this.fresh[0]!.key)}`);
      } else {
        // It does something of its own, such as reading a file: it will ask for more, or end.
        await new Promise<void>((resolve) => (this.noticed = resolve));
        quiet = -1;
      }
    }
    return undefined;
  }

  private notice(): void {
    this.noticed?.();
    this.noticed = undefined;
  }
}

/** A key as messages name it. */
function describe(key: string): string {
  return `${checkpointKindOf(key)} "${checkpointNameOf(key)}"`;
}
