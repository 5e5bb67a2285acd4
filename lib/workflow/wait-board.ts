import type { EventRecord } from '../event/event-record.js';
import type { EventId } from '../id/ids.js';
import type { Outbox } from './outbox.js';
import type { EndedChild, NewWait, OpenWaits, WaitRecord } from './wait.js';

/** What has come of a wait. */
export type WaitResult =
  | { readonly kind: 'due' }
  | { readonly kind: 'event'; readonly event: EventRecord; readonly part: number }
  | { readonly kind: 'child'; readonly child: EndedChild };

export interface WaitRequest {
  /** The alternatives of one key. */
  readonly parts: readonly NewWait[];
  /** Whether an event that fits by name and key is what the wait is for. */
  readonly accepts?: (event: EventRecord, part: number) => boolean;
}

interface Entry extends WaitRequest {
  readonly key: string;
  readonly rejected: Map<number, EventId[]>;
  /** When it is over by the store's clock; `undefined` until the store has said so. */
  dueAt: number | null | undefined;
  readonly resolve: (result: WaitResult) => void;
}

/** What the run waits for in this activation. */
export class WaitBoard {
  private readonly entries = new Map<string, Entry>();
  private readonly consumed = new Set<EventId>();
  private last: OpenWaits | undefined;
  private changed = false;

  /** @param history what the store knew of the run's waits at the claim */
  constructor(
    private readonly outbox: Outbox,
    private readonly history: OpenWaits | undefined,
  ) {
    this.last = history;
  }

  get size(): number {
    return this.entries.size;
  }

  /** Every key that is waited for. */
  get keys(): readonly string[] {
    return [...this.entries.keys()];
  }

  /** Whether the store has not been told of a wait, or of one that has changed. */
  get isChanged(): boolean {
    return this.changed;
  }

  /** Whether it waits for something that can come at any time. */
  get looksOut(): boolean {
    return [...this.entries.values()].some(({ parts }) =>
      parts.some(({ kind }) => kind === 'event' || kind === 'child'),
    );
  }

  /** A wait of this key that an earlier activation left. */
  former(key: string, part = 0): WaitRecord | undefined {
    return this.history?.waits.find((wait) => wait.key === key && wait.part === part);
  }

  /** Waits; resolves through {@link settle}. */
  add(request: WaitRequest): Promise<WaitResult> {
    const { key } = request.parts[0]!;
    return new Promise((resolve) => {
      const former = request.parts.map(({ part, tries }) => {
        const wait = this.former(key, part);
        return wait?.tries === tries ? wait : undefined;
      });
      const rejected = new Map(request.parts.map(({ part }, index) => [part, [...(former[index]?.rejected ?? [])]]));
      const isKnown = former.every((wait) => wait !== undefined);
      this.entries.set(key, { ...request, key, rejected, dueAt: isKnown ? former[0]!.dueAt : undefined, resolve });
      if (isKnown) return;
      this.changed = true;
      for (const part of request.parts) this.outbox.wait(part);
    });
  }

  /** Waits for nothing any more: who waits is not told. */
  clear(): void {
    this.entries.clear();
  }

  /** What is written now is known to the store. */
  told(): void {
    this.changed = false;
  }

  /** What the store says of the waits. */
  learn(open: OpenWaits): void {
    this.last = open;
    for (const { key, part, dueAt } of open.waits) {
      const entry = this.entries.get(key);
      if (entry && part === 0) entry.dueAt = dueAt;
    }
  }

  /** Resolves one wait that has come to its end by what is known, the oldest first. @returns whether there was one */
  settleOne(): boolean {
    const { last } = this;
    if (!last) return false;
    for (const entry of this.entries.values()) {
      const result = this.resultOf(entry, last);
      if (!result) continue;
      this.entries.delete(entry.key);
      if (result.kind === 'event') this.consumed.add(result.event.id);
      entry.resolve(result);
      return true;
    }
    return false;
  }

  /** When the first wait is over: by the store's clock, or this long after the commit that tells of it. */
  get wake(): { readonly at: number | null; readonly inMs: number | null } {
    let at: number | null = null;
    let inMs: number | null = null;
    for (const { dueAt, parts } of this.entries.values()) {
      const due = dueAt === undefined ? parts[0]!.due : dueAt === null ? null : { at: dueAt };
      if (due === null) continue;
      if ('at' in due) at = Math.min(at ?? Number.POSITIVE_INFINITY, due.at);
      else inMs = Math.min(inMs ?? Number.POSITIVE_INFINITY, due.inMs);
    }
    return { at, inMs };
  }

  /** Milliseconds from what the store last said until the first wait is over; `null` when none has a time. */
  get nextInMs(): number | null {
    const { at, inMs } = this.wake;
    const inStore = at === null || !this.last ? null : Math.max(0, at - this.last.now);
    if (inStore === null || inMs === null) return inStore ?? inMs;
    return Math.min(inStore, inMs);
  }

  private resultOf(entry: Entry, { now, events, children }: OpenWaits): WaitResult | undefined {
    for (const { part, childRunId } of entry.parts) {
      const child = childRunId === null ? undefined : children.find(({ id }) => id === childRunId);
      if (child) return { kind: 'child', child };
      const event = this.eventFor(entry, part, events);
      if (event) return { kind: 'event', event, part };
    }
    return entry.dueAt != null && entry.dueAt <= now ? { kind: 'due' } : undefined;
  }

  private eventFor(entry: Entry, part: number, events: readonly EventRecord[]): EventRecord | undefined {
    const wait = entry.parts.find((each) => each.part === part)!;
    if (wait.eventName === null) return undefined;
    const rejected = entry.rejected.get(part)!;
    for (const event of events) {
      if (event.name !== wait.eventName || (wait.eventKey !== null && event.key !== wait.eventKey)) continue;
      if (this.consumed.has(event.id) || rejected.includes(event.id)) continue;
      if (!entry.accepts || entry.accepts(event, part)) return event;
      rejected.push(event.id);
      this.changed = true;
      this.outbox.wait({ ...wait, rejected: [...rejected] });
    }
    return undefined;
  }
}
