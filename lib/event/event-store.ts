import type { EventId } from '../id/ids.js';
import type { StoreTransaction } from '../job/job-store.js';
import type { Scope } from '../scope/scope.js';
import type { EventRecord, NewEvent } from './event-record.js';

export interface PublishEventsOptions {
  /** Commit or roll back with this transaction of the caller's. */
  readonly transaction?: StoreTransaction;
  /** The same ids may have been published by an earlier call whose answer was lost: those that are there count. */
  readonly retry?: boolean;
}

/** Filters of a list; all given ones must match. The seed's `event.ListOpts`. */
export interface ListEventsOptions {
  readonly name?: string;
  readonly key?: string;
  /** Published at or after, epoch milliseconds. */
  readonly since?: number;
  /** Published before, epoch milliseconds. */
  readonly until?: number;
  readonly scope?: Scope;
  /** Most rows; default 50, at most 1000. */
  readonly limit?: number;
  /** `desc`: newest first (default). */
  readonly order?: 'asc' | 'desc';
  /** Where the last page ended, as the list returned it. */
  readonly cursor?: string;
}

export interface EventPage {
  readonly events: readonly EventRecord[];
  /** Left out on the last page. */
  readonly nextCursor?: string;
}

/**
 * The events of a store (the seed's `event.Store`). An event that nobody waits for is kept until it expires; being
 * consumed is written with the checkpoint of the run that consumed it, and leaves the event for other runs.
 *
 * A publish and a park at the same moment: both write, commit, and only then look for each other. So whichever commits
 * last sees the other, also when that is a caller's transaction that commits late. Who dies between the two steps
 * leaves a mark that {@link matchEvents} and the claims find.
 */
export interface EventStore {
  /**
   * Inserts events, all or none, then wakes the parked runs that wait for them. In a transaction of the caller's, runs are
   * woken after its commit.
   *
   * @returns the store's clock at the insert
   */
  publishEvents(events: readonly NewEvent[], options?: PublishEventsOptions): Promise<{ readonly now: number }>;

  /**
   * Wakes the parked runs that wait for events whose publisher did not come to that, oldest first. Safe to run on every
   * node at the same time. @returns how many events were looked at
   */
  matchEvents(options: { readonly limit: number }): Promise<number>;

  getEvent(id: EventId, scope?: Scope): Promise<EventRecord | null>;

  /** By (created time, id). @throws InvalidOptionsError for a cursor that is not one of ours */
  listEvents(options?: ListEventsOptions): Promise<EventPage>;

  /** Deletes events that have expired. @returns how many were deleted */
  pruneEvents(options: { readonly limit: number }): Promise<number>;
}
