import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresServer } from './postgres-server.js';
import type { Random } from './random.js';
import type { WorkerPool } from './worker-pool.js';

/** How often each fault was made. */
export interface FaultCounts {
  kills: number;
  freezes: number;
  terminations: number;
  restarts: number;
}

/** When a fault that cannot be made now is tried again. */
const RETRY_MS = 50;

/** Makes faults until it is stopped: kills, freezes, and on Postgres ended backends and crashes of the server. */
export class Faults {
  readonly counts: FaultCounts = { kills: 0, freezes: 0, terminations: 0, restarts: 0 };
  private readonly abort = new AbortController();
  private readonly thawings = new Set<() => void>();
  private running: Promise<void>[] = [];

  constructor(
    private readonly pool: WorkerPool,
    private readonly server: PostgresServer | undefined,
    /** One source for each kind of fault, so that their order does not depend on timing. */
    private readonly randoms: Readonly<Record<'kill' | 'freeze' | 'crash' | 'terminate', Random>>,
  ) {}

  start(): void {
    this.running = [this.killing(), this.freezing()];
    if (this.server) this.running.push(this.crashing(this.server), this.terminating(this.server));
  }

  /** No more faults; what is frozen goes on, and the server is up. */
  async stop(): Promise<void> {
    this.abort.abort();
    await Promise.all(this.running);
    for (const thaw of this.thawings) thaw();
  }

  private async killing(): Promise<void> {
    const random = this.randoms.kill;
    while (await this.pause(random.between(300, 800))) {
      if (this.pool.kill(random) !== undefined) this.counts.kills += 1;
    }
  }

  private async freezing(): Promise<void> {
    const random = this.randoms.freeze;
    while (await this.pause(random.between(1_500, 3_500))) {
      // Past the lease of 1.5 s, most often by enough for a rescue.
      const frozenMs = random.between(1_600, 3_500);
      let thaw = this.pool.freeze(random);
      // Where processes start slowly, there may be none at this moment.
      while (!thaw && (await this.pause(RETRY_MS))) thaw = this.pool.freeze(random);
      if (!thaw) return;
      this.counts.freezes += 1;
      this.thawings.add(thaw);
      await this.pause(frozenMs);
      this.thawings.delete(thaw);
      thaw();
    }
  }

  private async crashing(server: PostgresServer): Promise<void> {
    const random = this.randoms.crash;
    while (await this.pause(random.between(4_000, 7_000))) {
      await server.crash();
      await this.pause(random.between(0, 1_500));
      await server.start();
      this.counts.restarts += 1;
    }
  }

  private async terminating(server: PostgresServer): Promise<void> {
    const random = this.randoms.terminate;
    while (await this.pause(random.between(2_500, 6_000))) {
      // A server that is away has no connections to end.
      while (!(await server.terminateBackends()) && (await this.pause(RETRY_MS)));
      if (!this.abort.signal.aborted) this.counts.terminations += 1;
    }
  }

  /** @returns false when it is over */
  private async pause(ms: number): Promise<boolean> {
    await sleep(ms, undefined, { signal: this.abort.signal }).catch(() => undefined);
    return !this.abort.signal.aborted;
  }
}
