import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PulseSource } from '../../lib/cluster/cluster-store.js';
import { newWorkerId } from '../../lib/id/ids.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { HeldJobs } from '../../lib/worker/held-jobs.js';
import { LeaseKeeper } from '../../lib/worker/lease-keeper.js';
import { Pulse } from '../../lib/worker/pulse.js';
import { deferred } from '../support/deferred.js';
import { RecordingLogger } from '../support/recording-logger.js';

const SOURCE: PulseSource = { driver: 'pg', driverPath: '', connection: {}, statement: '', values: [] };

function keeper(pulse: () => Promise<PulseSource | undefined>): LeaseKeeper {
  return new LeaseKeeper({
    store: { pulse },
    clock: new TestClock(),
    logger: new RecordingLogger(),
    held: new HeldJobs(),
    leaseMs: 15_000,
    heartbeatMs: 5_000,
    abortGraceMs: 500,
  });
}

describe('the thread that keeps the lease', () => {
  let running = 0;

  beforeEach(() => {
    running = 0;
    vi.spyOn(Pulse.prototype, 'start').mockImplementation(() => void (running += 1));
    vi.spyOn(Pulse.prototype, 'stop').mockImplementation(async () => void (running -= 1));
  });
  afterEach(() => void vi.restoreAllMocks());

  it('is one, also when a heartbeat and a claim both bring the process back', async () => {
    const gate = deferred();
    const lease = keeper(async () => {
      await gate.promise;
      return SOURCE;
    });
    const starts = [lease.start(newWorkerId()), lease.start(newWorkerId())];
    gate.resolve();
    await Promise.all(starts);
    expect(running).toBe(1);
    await lease.start(newWorkerId());
    expect(running).toBe(1);
    await lease.stop();
    expect(running).toBe(0);
  });

  it('is not begun by a start that a stop overtook, nor by one after it', async () => {
    const gate = deferred();
    const lease = keeper(async () => {
      await gate.promise;
      return SOURCE;
    });
    const start = lease.start(newWorkerId());
    await lease.stop();
    gate.resolve();
    await start;
    await lease.start(newWorkerId());
    expect(running).toBe(0);
  });
});
