import type { NewWorker } from '../../lib/cluster/worker-record.js';
import type { DlqId, JobId, WorkerId } from '../../lib/id/ids.js';
import { uuidToTypeId } from '../../lib/id/type-id.js';
import type { NewJob } from '../../lib/job/job-record.js';
import type { HeldJob } from '../../lib/job/job-store.js';
import type { Store } from '../../lib/store/store.js';
import type { TestClock } from '../../lib/testing/test-clock.js';
import { newJob, newWorker } from '../../lib/testing/store-contract/fixtures.js';
import type { ReferenceModel } from './reference-model.js';

/** A claim that was made, whether it still holds or not. */
export interface Fence extends HeldJob {
  readonly workerId: WorkerId;
}

/** The store under test and what a run has done to it so far: commands choose from this by index. */
export class World {
  /** Every id that a job was to be inserted under. */
  readonly jobIds: JobId[] = [];
  readonly dlqIds: DlqId[] = [];
  readonly workerIds: WorkerId[] = [];
  readonly fences: Fence[] = [];
  private made = 0;

  constructor(
    readonly store: Store,
    readonly clock: TestClock,
  ) {}

  newJobId(order: number): JobId {
    const id = this.newId('job', order) as JobId;
    this.jobIds.push(id);
    return id;
  }

  newDlqId(order: number): DlqId {
    const id = this.newId('dlq', order) as DlqId;
    this.dlqIds.push(id);
    return id;
  }

  newWorker(order: number): NewWorker {
    const id = this.newId('wkr', order) as WorkerId;
    this.workerIds.push(id);
    return newWorker({ id });
  }

  newJob(order: number, overrides: Partial<NewJob>): NewJob {
    return newJob({ id: this.newJobId(order), ...overrides });
  }

  /** A claim by its index from the newest: one that still holds, if there is one, or any. */
  fence(model: ReferenceModel, index: number, holds: boolean): Fence | undefined {
    const held = holds ? this.fences.filter((fence) => model.held(fence.workerId, fence)) : [];
    return fromNewest(held.length > 0 ? held : this.fences, index);
  }

  /** Ids are made from numbers, so that a sequence can be run again, and come in any order. */
  private newId(prefix: string, order: number): string {
    this.made += 1;
    const [high, low] = [order, this.made].map((part) => part.toString(16));
    return uuidToTypeId(prefix, `${high!.padStart(8, '0')}-0000-7000-8000-${low!.padStart(12, '0')}`);
  }
}

/** An item by its index from the end, around and around: what was added later does not move it far. */
export function fromNewest<Item>(items: readonly Item[], index: number): Item | undefined {
  return items[items.length - 1 - (index % Math.max(1, items.length))];
}
