import { describe, expect, it } from 'vitest';
import { type WorkerId, newWorkerId } from '../../lib/id/ids.js';
import type { JobReport } from '../../lib/job/job-store.js';
import { TestClock } from '../../lib/testing/test-clock.js';
import { Reporter } from '../../lib/worker/reporter.js';
import { deferred } from '../support/deferred.js';
import { runningJob } from '../support/running-job.js';

function setup() {
  const clock = new TestClock(0);
  const calls: { readonly workerId: WorkerId; readonly reports: readonly JobReport[] }[] = [];
  const errors: unknown[] = [];
  const answers: (() => Promise<void>)[] = [];
  const reporter = new Reporter({
    clock,
    windowMs: 250,
    onError: (error) => errors.push(error),
    store: {
      async reportJobs(workerId, reports) {
        calls.push({ workerId, reports });
        await answers.shift()?.();
      },
    },
  });
  return { clock, calls, errors, reporter, answer: (next: () => Promise<void>) => void answers.push(next) };
}

describe('reports of running jobs', () => {
  it('are collected for a moment; the last progress wins and every line stays', async () => {
    const { clock, calls, reporter } = setup();
    const job = runningJob({ attempt: 2 });
    reporter.progress(job, 10);
    reporter.log(job, { level: 'info', message: 'one' });
    await clock.advance(249);
    reporter.progress(job, { percent: 20 });
    reporter.log(job, { level: 'warn', message: 'two' });
    expect(calls).toEqual([]);
    await clock.advance(1);
    expect(
      calls.map(({ reports }) => reports.map(({ id, attempt, progress, logs }) => ({ id, attempt, progress, logs }))),
    ).toEqual([
      [
        {
          id: job.id,
          attempt: 2,
          progress: '{"percent":20}',
          logs: [
            { level: 'info', message: 'one' },
            { level: 'warn', message: 'two' },
          ],
        },
      ],
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('go in one call a worker id', async () => {
    const { calls, reporter } = setup();
    const [w1, w2] = [newWorkerId(), newWorkerId()];
    for (const workerId of [w1, w2, w1]) reporter.progress(runningJob({}, { workerId }), 1);
    await reporter.flush();
    expect(calls.map(({ workerId, reports }) => [workerId, reports.length])).toEqual([
      [w1, 2],
      [w2, 1],
    ]);
  });

  it('tell whether something of a job waits or is on its way', async () => {
    const { reporter, answer } = setup();
    const gate = deferred();
    answer(() => gate.promise);
    const job = runningJob();
    expect(reporter.has(job)).toBe(false);
    reporter.progress(job, 1);
    expect(reporter.has(job)).toBe(true);
    const flushed = reporter.flush();
    expect(reporter.has(job)).toBe(true);
    gate.resolve();
    await flushed;
    await reporter.flush();
    expect(reporter.has(job)).toBe(false);
  });

  it('are written one after the other', async () => {
    const { calls, reporter, answer, clock } = setup();
    const gate = deferred();
    answer(() => gate.promise);
    const job = runningJob();
    reporter.progress(job, 1);
    void reporter.flush();
    await clock.advance(0);
    reporter.progress(job, 2);
    const second = reporter.flush();
    await clock.advance(0);
    expect(calls).toHaveLength(1);
    gate.resolve();
    await second;
    expect(calls.map(({ reports }) => reports[0]!.progress)).toEqual(['1', '2']);
  });

  it('that come while others are being written go together in the next call', async () => {
    const { calls, reporter, answer, clock } = setup();
    const gate = deferred();
    answer(() => gate.promise);
    reporter.progress(runningJob(), 0);
    void reporter.flush();
    await clock.advance(0);
    const jobs = Array.from({ length: 50 }, () => runningJob());
    const workerId = newWorkerId();
    const ends = jobs.map((job) => {
      reporter.progress(runningJob({ id: job.id }, { workerId }), 1);
      return reporter.flush();
    });
    gate.resolve();
    await Promise.all(ends);
    expect(calls.map(({ reports }) => reports.length)).toEqual([1, 50]);
  });

  it('that cannot be written are dropped and told of; later ones are written', async () => {
    const { calls, errors, reporter, answer } = setup();
    answer(async () => Promise.reject(new Error('away')));
    const job = runningJob();
    reporter.progress(job, 1);
    await reporter.flush();
    reporter.progress(job, 2);
    await reporter.flush();
    expect(errors).toEqual([new Error('away')]);
    expect(calls).toHaveLength(2);
  });

  it.each([undefined, () => 1, 5n, 'x'.repeat(20_000)])(
    'leave out progress that is no small JSON value',
    async (value) => {
      const { calls, errors, reporter } = setup();
      reporter.progress(runningJob(), value);
      await reporter.flush();
      expect(errors).toHaveLength(1);
      expect(calls).toEqual([]);
    },
  );

  it('keep null as progress', async () => {
    const { calls, reporter } = setup();
    reporter.progress(runningJob(), null);
    await reporter.flush();
    expect(calls[0]!.reports[0]!.progress).toBe('null');
  });

  it('say nothing of progress when there were only lines', async () => {
    const { calls, reporter } = setup();
    reporter.log(runningJob(), { level: 'info', message: 'one' });
    await reporter.flush();
    expect(calls[0]!.reports[0]!.progress).toBeUndefined();
  });

  it('cut long lines, take NULs out of them and end after a thousand', async () => {
    const { calls, reporter } = setup();
    const job = runningJob();
    reporter.log(job, { level: 'info', message: `a\u0000b${'x'.repeat(10_000)}` });
    for (let i = 0; i < 600; i++) reporter.log(job, { level: 'info', message: String(i) });
    await reporter.flush();
    for (let i = 0; i < 600; i++) reporter.log(job, { level: 'info', message: String(i) });
    await reporter.flush();
    const lines = calls.flatMap(({ reports }) => reports[0]!.logs!);
    expect(lines).toHaveLength(1_000);
    expect(lines[0]!.message).toHaveLength(4_096);
    expect(lines[0]!.message.startsWith('abx')).toBe(true);
  });

  it('call the store for nothing never', async () => {
    const { calls, reporter } = setup();
    await reporter.flush();
    expect(calls).toEqual([]);
  });
});
