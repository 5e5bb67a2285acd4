import { hostname } from 'node:os';
import type { ClusterStore } from '../cluster/cluster-store.js';
import { type WorkerId, newWorkerId } from '../id/ids.js';
import { VERSION } from '../version.js';

export interface WorkerIdentityOptions {
  readonly store: Pick<ClusterStore, 'registerWorker'>;
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The id under which this process holds leases. A process that was declared dead takes a new one. */
export class WorkerIdentity {
  private current: WorkerId = newWorkerId();
  private registering: Promise<void> | undefined;

  constructor(private readonly options: WorkerIdentityOptions) {}

  get id(): WorkerId {
    return this.current;
  }

  /** Registers under a new id; calls at the same time share one registration. */
  register(): Promise<void> {
    this.registering ??= this.registerAnew().finally(() => (this.registering = undefined));
    return this.registering;
  }

  private async registerAnew(): Promise<void> {
    const id = newWorkerId();
    const { store, queues, concurrency, leaseMs, metadata } = this.options;
    await store.registerWorker(
      { id, hostname: hostname(), pid: process.pid, version: VERSION, queues, concurrency, metadata },
      leaseMs,
    );
    this.current = id;
  }
}
