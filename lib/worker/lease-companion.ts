import type { HeartbeatResult } from '../cluster/cluster-store.js';
import type { WorkerId } from '../id/ids.js';
import type { Wake } from '../store/store.js';
import type { HeldRun } from '../workflow/run-record.js';

/** The lease of a worker, as those see it who share it. */
export interface SharedLease {
  /** The id that leases are held under; another one after the process was declared dead. */
  readonly id: WorkerId;
  /** Something begins that may block the event loop until then, epoch milliseconds. */
  extend(until: number): void;
  /** The store says that the worker of this id is dead. */
  declaredDead(id: WorkerId): Promise<void>;
}

/** Other work under the lease of a worker: it lives and dies with the worker's row. */
export interface LeaseCompanion {
  start(lease: SharedLease): void;
  hear(wake: Wake): void;
  /** Handlers came or went: look again for work. */
  kick(): void;
  /** What is held under this worker id, as a heartbeat reports it. */
  under(workerId: WorkerId): readonly HeldRun[];
  /** What the store says of what was asked about. */
  heed(asked: readonly HeldRun[], result: NonNullable<HeartbeatResult['runs']>): void;
  /** This worker was declared dead: what is held under its id belongs to others. */
  abandon(workerId: WorkerId): void;
  /** How long the main thread may be blocked by it: epoch milliseconds. */
  busyUntil(): number;
  /** Takes back what dead workers held. */
  rescue(): Promise<void>;
  /** Stops claiming. */
  stopClaiming(): Promise<void>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Hands back what is under way, as soon as it can be interrupted. */
  release(): void;
  /** There is no time left: what goes on has to stop. */
  abort(): void;
  /** Resolves when all that was handed in is written. */
  lastWrites(): Promise<void>;
  dispose(): void;
}
