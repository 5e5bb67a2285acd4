import type { EventId, RunId } from '../id/ids.js';

/** The part of an event that its publisher decides. Payload already encoded. */
export interface EventFacts {
  readonly id: EventId;
  readonly name: string;
  /** What it is about, such as an order's number; `null` when that does not matter. */
  readonly key: string | null;
  /** Only for this run; `null`: for every run of its scope. */
  readonly runId: RunId | null;
  /** Encoded by `codec`; `null` when there is no payload. */
  readonly payload: string | null;
  readonly codec: string;
  readonly scopeAppId: string;
  readonly scopeOrgId: string;
}

/** An event to publish. */
export interface NewEvent extends EventFacts {
  /** How long it is kept, in milliseconds. */
  readonly ttlMs: number;
}

/** An event as the store knows it. Times in epoch milliseconds by the store's clock. */
export interface EventRecord extends EventFacts {
  readonly createdAt: number;
  readonly expiresAt: number;
}
