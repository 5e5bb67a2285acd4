import type { CodecRegistry } from '../codec/payload-codec.js';
import { DlqEntryNotFoundError, InvalidOptionsError, InvalidStateError } from '../errors.js';
import type { LifecycleEmitter } from '../ext/lifecycle.js';
import { newJobId, parseDlqId } from '../id/ids.js';
import { checkName } from '../job/checks.js';
import { encodePayload } from '../job/encode-payload.js';
import { type Job, toJob } from '../job/job.js';
import type { ScopeOption, ScopePolicy } from '../scope/scope-policy.js';
import { type DlqEntry, toDlqEntry } from './dlq-entry.js';
import type { DlqFilter, DlqStore, ListDlqOptions } from './dlq-store.js';

export interface DlqList {
  readonly entries: readonly DlqEntry[];
  /** Pass it as `cursor` for the next page; left out on the last one. */
  readonly nextCursor?: string;
}

export type DlqQuery = Omit<DlqFilter, 'scope'> & ScopeOption;
export type ListDlqQuery = Omit<ListDlqOptions, 'scope'> & ScopeOption;

export interface ReplayOptions extends ScopeOption {
  /** Takes the place of the payload that failed; `undefined` for none. Left out: the same payload again. */
  readonly payload?: unknown;
  /** Replay although it was replayed before. */
  readonly force?: boolean;
}

export interface DlqServiceOptions {
  readonly store: () => Promise<DlqStore & { ping(): Promise<number> }>;
  readonly scopes: ScopePolicy;
  readonly codecs: CodecRegistry;
  readonly maxPayloadBytes: number;
  readonly emitter: LifecycleEmitter;
}

/** Rows of one round of `replayAll` and `purge`. */
const BATCH = 100;

/**
 * The dead-letter queue (the seed's `dlq.Service`; `dispatch.dlq`): what failed for good, to be looked at, replayed
 * and purged. Limited to the current scope, or the one given.
 */
export class DlqService {
  constructor(private readonly options: DlqServiceOptions) {}

  /** Newest failure first. @throws InvalidOptionsError for a filter that is none, a limit out of range or a foreign cursor */
  async list(query: ListDlqQuery = {}): Promise<DlqList> {
    const scope = this.options.scopes.resolveIn('dlq.list', query);
    checkFilter(query);
    const page = await (await this.options.store()).listDlq({ ...query, scope });
    const entries = page.entries.map((record) => toDlqEntry(record, this.options.codecs));
    return { entries, ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }) };
  }

  /** @returns `null` when there is no such entry @throws InvalidIdError */
  async get(id: string, options: ScopeOption = {}): Promise<DlqEntry | null> {
    const scope = this.options.scopes.resolveIn('dlq.get', options);
    const record = await (await this.options.store()).getDlqEntry(parseDlqId(id), scope);
    return record && toDlqEntry(record, this.options.codecs);
  }

  async count(query: DlqQuery = {}): Promise<number> {
    const scope = this.options.scopes.resolveIn('dlq.count', query);
    checkFilter(query);
    return (await this.options.store()).countDlq({ ...query, scope });
  }

  /**
   * Enqueues a new job from an entry, with its queue, priority, timeout and scope and all its retries, and closes the
   * entry. Of two replays at the same time one wins.
   *
   * @throws DlqEntryNotFoundError, InvalidIdError, PayloadError
   * @throws InvalidStateError when it was replayed before and `force` is not set
   */
  async replay(id: string, options: ReplayOptions = {}): Promise<Job> {
    const { codecs, maxPayloadBytes, emitter } = this.options;
    const scope = this.options.scopes.resolveIn('dlq.replay', options);
    const payload = 'payload' in options && {
      text: encodePayload('the replayed job', options.payload, codecs.current, maxPayloadBytes),
      codec: codecs.current.name,
    };
    const store = await this.options.store();
    const entryId = parseDlqId(id);
    const jobId = newJobId();
    const replay = async (): Promise<Job> => {
      const record = await store.replayDlqEntry(entryId, {
        jobId,
        scope,
        ...(payload ? { payload } : {}),
        ...(options.force === undefined ? {} : { force: options.force }),
      });
      const job = toJob(record, codecs);
      if (emitter.has('jobEnqueued')) emitter.emit('jobEnqueued', { job });
      return job;
    };
    return emitter.enqueuing(() => [jobId], replay);
  }

  /** Replays every open entry that fits. @returns how many were replayed */
  async replayAll(query: Omit<DlqQuery, 'status'> = {}): Promise<number> {
    const scope = this.options.scopes.resolveIn('dlq.replayAll', query);
    checkFilter(query);
    let replayed = 0;
    for (let cursor: string | undefined; ;) {
      const { entries, nextCursor } = await (
        await this.options.store()
      ).listDlq({ ...query, scope, status: 'open', limit: BATCH, ...(cursor === undefined ? {} : { cursor }) });
      for (const { id } of entries) if (await this.replayOpen(id, query.scope)) replayed += 1;
      if (nextCursor === undefined) return replayed;
      cursor = nextCursor;
    }
  }

  /** Deletes entries that failed before a time. @returns how many were deleted */
  async purge(before: Date, options: ScopeOption = {}): Promise<number> {
    const scope = this.options.scopes.resolveIn('dlq.purge', options);
    const time = before instanceof Date ? before.getTime() : Number.NaN;
    if (Number.isNaN(time)) throw new InvalidOptionsError(`"before" must be a valid Date (got ${String(before)}).`);
    const store = await this.options.store();
    const olderThanMs = Math.max(0, (await store.ping()) - time);
    let purged = 0;
    for (let deleted = BATCH; deleted === BATCH; purged += deleted) {
      deleted = await store.purgeDlq({ olderThanMs, limit: BATCH, ...(scope ? { scope } : {}) });
    }
    return purged;
  }

  /** @returns false when somebody else replayed it meanwhile, or it is gone */
  private async replayOpen(id: string, scope: ScopeOption['scope']): Promise<boolean> {
    try {
      await this.replay(id, scope === undefined ? {} : { scope });
      return true;
    } catch (error) {
      if (error instanceof InvalidStateError || error instanceof DlqEntryNotFoundError) return false;
      throw error;
    }
  }
}

/** A filter that is not understood must not pass for none, nor for another. @throws InvalidOptionsError */
function checkFilter({ status, queue, name }: DlqQuery): void {
  if (status !== undefined && status !== 'open' && status !== 'replayed') {
    throw new InvalidOptionsError(`"status" must be 'open' or 'replayed' (got ${JSON.stringify(status)}).`);
  }
  if (queue !== undefined) checkName('queue', queue);
  if (name !== undefined) checkName('name', name);
}
