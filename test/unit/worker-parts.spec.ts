import { describe, expect, it } from 'vitest';
import { JobCancelledError, JobTimeoutError } from '../../lib/errors.js';
import { newWorkerId } from '../../lib/id/ids.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { DeadlineWatch } from '../../lib/worker/deadline-watch.js';
import { HeldJobs } from '../../lib/worker/held-jobs.js';
import { QueueSlots } from '../../lib/worker/queue-slots.js';
import type { RunningJob } from '../../lib/worker/running-job.js';
import { runningJob } from '../support/running-job.js';

describe('queue slots', () => {
  const queues = [
    { name: 'mail', concurrency: 2 },
    { name: 'default', concurrency: 10 },
    { name: 'closed', concurrency: 0 },
  ];

  it('are claimed in the order of the queues, each up to its own limit and no more than is free in all', () => {
    const slots = new QueueSlots(queues);
    expect(slots.names).toEqual(['mail', 'default', 'closed']);
    expect(slots.free(5)).toEqual([
      { queue: 'mail', limit: 2 },
      { queue: 'default', limit: 5 },
    ]);
    expect(slots.free(1)).toEqual([
      { queue: 'mail', limit: 1 },
      { queue: 'default', limit: 1 },
    ]);
    expect(slots.free(0)).toEqual([]);
  });

  it('leave a full queue out until a slot comes back', () => {
    const slots = new QueueSlots(queues);
    slots.take('mail');
    slots.take('mail');
    expect(slots.free(5)).toEqual([{ queue: 'default', limit: 5 }]);
    slots.give('mail');
    expect(slots.free(5)[0]).toEqual({ queue: 'mail', limit: 1 });
  });

  it('are concerned by their own queues, and by news of any queue', () => {
    const slots = new QueueSlots(queues);
    expect(slots.concerns(['other', 'mail'])).toBe(true);
    expect(slots.concerns(['other'])).toBe(false);
    expect(slots.concerns([])).toBe(true);
  });
});

describe('the deadline watch', () => {
  function setup() {
    const clock = new TestClock(0);
    const late: { readonly job: RunningJob; readonly at: number }[] = [];
    const watch = new DeadlineWatch(clock, (job) => late.push({ job, at: clock.now() }));
    const add = (timeoutMs: number): RunningJob => {
      const job = runningJob({ timeoutMs }, { begunAt: clock.monotonic() });
      watch.add(job);
      return job;
    };
    return { clock, late, watch, add };
  }

  it('tells of each job at its deadline, however they were added', async () => {
    const { clock, late, add } = setup();
    const [c, a, b] = [add(900), add(100), add(500)];
    await clock.advance('1h');
    expect(late).toEqual([
      { job: a, at: 100 },
      { job: b, at: 500 },
      { job: c, at: 900 },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('has one timer for all, and none for jobs without a timeout', () => {
    const { clock, add } = setup();
    add(0);
    expect(clock.pendingTimers).toBe(0);
    for (let i = 100; i > 0; i--) add(i * 1_000);
    expect(clock.pendingTimers).toBe(1);
  });

  it('says nothing of a job that ended in time', async () => {
    const { clock, late, watch, add } = setup();
    const [early, other] = [add(100), add(200)];
    watch.remove(early);
    await clock.advance('1h');
    expect(late.map(({ job }) => job)).toEqual([other]);
  });

  it('looks no oftener than every 25 ms when deadlines are close, and no later than that', async () => {
    const { clock, late, add } = setup();
    for (let ms = 100; ms < 150; ms++) add(ms);
    await clock.advance('1s');
    expect([...new Set(late.map(({ at }) => at))]).toEqual([100, 125, 150]);
    expect(late).toHaveLength(50);
    expect(late.every(({ job, at }) => at - job.deadline >= 0 && at - job.deadline < 25)).toBe(true);
  });

  it('waits on when its timer fired before the deadline', async () => {
    const clock = new TestClock(0);
    const late: number[] = [];
    const hasty = {
      overridesStore: true,
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      random: () => 0,
      setTimer: (ms: number, callback: () => void) => clock.setTimer(Math.min(ms, 60), callback),
    };
    const watch = new DeadlineWatch(hasty, () => late.push(clock.now()));
    watch.add(runningJob({ timeoutMs: 150 }));
    await clock.advance('1s');
    expect(late).toHaveLength(1);
    expect(late[0]).toBeGreaterThanOrEqual(150);
  });

  it('leaves no timer when it is stopped', async () => {
    const { clock, late, watch, add } = setup();
    add(100);
    watch.stop();
    expect(clock.pendingTimers).toBe(0);
    await clock.advance('1h');
    expect(late).toEqual([]);
  });
});

describe('a running job', () => {
  it('shows its handler what was claimed', () => {
    const job = runningJob({
      attempt: 3,
      retryCount: 2,
      maxRetries: 3,
      groupKey: null,
      headers: null,
      scopeOrgId: 'a',
    });
    expect(job).toMatchObject({
      attempt: 3,
      retryCount: 2,
      isFinalAttempt: false,
      groupKey: undefined,
      headers: {},
      scope: { appId: '', orgId: 'a' },
    });
    expect(job.idempotencyKey).toBe(job.id);
    expect(job.startedAt).toEqual(new Date(2_000));
    expect(runningJob({ retryCount: 3, maxRetries: 3 }).isFinalAttempt).toBe(true);
    expect(runningJob({ retryCount: 0, maxRetries: 0 }).isFinalAttempt).toBe(true);
  });

  it('has a deadline only when it has a timeout', () => {
    expect(runningJob({ timeoutMs: 500 }, { begunAt: 1_000 }).deadline).toBe(1_500);
    expect(runningJob({ timeoutMs: 0 }, { begunAt: 1_000 }).deadline).toBe(Number.POSITIVE_INFINITY);
  });

  it('fires its signal with the first reason only', () => {
    const job = runningJob();
    const reasons: unknown[] = [];
    job.signal.addEventListener('abort', () => reasons.push(job.signal.reason));
    const first = new JobTimeoutError(5);
    job.abort(first);
    job.abort(new JobCancelledError(job.id));
    expect(reasons).toEqual([first]);
    expect(job.abortReason).toBe(first);
  });

  it('has a signal that fired already for a handler that asks for it late', () => {
    const job = runningJob();
    const reason = new JobTimeoutError(5);
    job.abort(reason);
    expect(job.signal.aborted).toBe(true);
    expect(job.signal.reason).toBe(reason);
    expect(job.signal).toBe(job.signal);
  });

  it('reports progress and lines until it is settled', () => {
    const seen: unknown[] = [];
    const job = runningJob(
      {},
      { sink: { progress: (_job, value) => seen.push(value), log: (_job, line) => seen.push(line) } },
    );
    job.progress(50);
    job.log('half', 'warn');
    job.log(5 as never);
    job.settled = true;
    job.progress(60);
    job.log('late');
    expect(seen).toEqual([50, { level: 'warn', message: 'half' }, { level: 'info', message: '5' }]);
  });
});

describe('held jobs', () => {
  it('are listed under the worker id they were claimed with', () => {
    const held = new HeldJobs();
    const [before, after] = [newWorkerId(), newWorkerId()];
    const a = runningJob({ attempt: 2 }, { workerId: before });
    const b = runningJob({}, { workerId: after });
    held.add(a);
    held.add(b);
    expect(held.under(before)).toEqual([{ id: a.id, attempt: 2 }]);
    expect(held.under(newWorkerId())).toEqual([]);
    expect(new Set(held.all())).toEqual(new Set([a, b]));
    expect(held.get(b.id)).toBe(b);
  });

  it('keep a later attempt when the end of an earlier one arrives', () => {
    const held = new HeldJobs();
    const first = runningJob({ attempt: 1 });
    const second = runningJob({ id: first.id, attempt: 2 });
    held.add(first);
    held.add(second);
    held.remove(first);
    expect(held.get(first.id)).toBe(second);
    held.remove(second);
    expect(held.all()).toEqual([]);
  });

  it('count suspects until their attempt is over, though still to be written', () => {
    const held = new HeldJobs();
    const suspect = runningJob({}, { suspect: true });
    held.add(suspect);
    held.add(runningJob());
    expect(held.suspects).toBe(1);
    held.ended(suspect);
    expect(held.suspects).toBe(0);
    expect(held.get(suspect.id)).toBe(suspect);
  });
});
